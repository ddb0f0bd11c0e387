/** A target by which `connect` and `configure_service` know where to go. */
export type TargetHandle =
  | {
      readonly kind: "kubernetes";
      readonly context: string;
      readonly namespace: string;
      readonly resourceType: KubernetesKind;
      readonly resourceName: string;
      /** A number, or the name of a port. */
      readonly port: number | string | undefined;
    }
  | { readonly kind: "ssh"; readonly host: string; readonly port: number | undefined }
  | { readonly kind: "local"; readonly port: number }
  | { readonly kind: "compose"; readonly service: string; readonly port: number | undefined };

export const kubernetesKinds = [
  "service",
  "deployment",
  "statefulset",
  "daemonset",
  "replicaset",
  "job",
  "pod",
] as const;
export type KubernetesKind = (typeof kubernetesKinds)[number];

/** RFC 1123, section 2.1: a label, and a name of labels. The names of Kubernetes' objects are one of the two. */
const name = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?";
const namePattern = new RegExp(`^${name}$`);
const kubernetesPattern = new RegExp(
  `^(.{1,500})/(${name})/(${kubernetesKinds.join("|")})/(${name})(?::([a-z0-9-]{1,15}))?$`,
);
const sshPattern = /^ssh\/([A-Za-z0-9][\w.-]{0,252})(?::(\d{1,5}))?$/;
const localPattern = /^(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})$/;
const composePattern = /^compose\/([A-Za-z0-9][\w.-]{0,99})(?::(\d{1,5}))?$/;

/** Whether text from a cluster is a name that may be shown as it is. */
export const isCheckedName = (text: unknown): text is string => typeof text === "string" && namePattern.test(text);

/** Whether it is the name of a port (RFC 6335, section 5.1). */
export const isPortName = (text: unknown): text is string =>
  typeof text === "string" && /^[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?$/.test(text);

const asPort = (text: string | undefined): number | undefined => {
  const port = Number(text);
  return text !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
};

/** Reads `staging/data/service/postgres:5432`, `ssh/bastion:8080`, `127.0.0.1:5432` or `compose/db:5432`; else `undefined`. */
export function parseHandle(text: string): TargetHandle | undefined {
  const cluster = kubernetesPattern.exec(text);
  if (cluster) {
    const [, context = "", namespace = "", kind, resourceName = "", port] = cluster;
    const number = asPort(port);
    if (number === undefined && port !== undefined && !/[a-z]/.test(port)) return undefined;
    return {
      kind: "kubernetes",
      context,
      namespace,
      resourceType: kind as KubernetesKind,
      resourceName,
      port: number ?? port,
    };
  }
  const [, host, hostPort] = sshPattern.exec(text) ?? [];
  if (host !== undefined) return { kind: "ssh", host, port: asPort(hostPort) };
  const local = asPort(localPattern.exec(text)?.[1]);
  if (local !== undefined) return { kind: "local", port: local };
  const [, service, servicePort] = composePattern.exec(text) ?? [];
  if (service !== undefined) return { kind: "compose", service, port: asPort(servicePort) };
  return undefined;
}

/** The text of a handle: what `parseHandle` reads. */
export function handleText(handle: TargetHandle): string {
  const port = handle.port === undefined ? "" : `:${handle.port}`;
  switch (handle.kind) {
    case "kubernetes":
      return `${handle.context}/${handle.namespace}/${handle.resourceType}/${handle.resourceName}${port}`;
    case "ssh":
      return `ssh/${handle.host}${port}`;
    case "local":
      return `127.0.0.1${port}`;
    case "compose":
      return `compose/${handle.service}${port}`;
  }
}
