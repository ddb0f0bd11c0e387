import tls from "node:tls";

/** kubectl trusts the system's authorities where a kubeconfig names none; Node alone only its own list. */
export const systemAuthorities = (): string[] => [
  ...tls.getCACertificates("default"),
  ...tls.getCACertificates("system"),
];
