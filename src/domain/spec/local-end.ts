import type { ServiceSpec } from "./service.ts";

/** Whether the local end is a Unix socket, by its path, and not a TCP port. */
export const isSocketPath = (listen: string): boolean => /^~?\//.test(listen);

/** Whether clients connect on this machine. A remote forward leads the other way: its clients are at the SSH server. */
export const hasLocalEnd = (service: ServiceSpec): boolean =>
  service.technology !== "ssh" || service.connection.direction !== "remote";
