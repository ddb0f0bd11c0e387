import type { HealthCheckType } from "./spec/health-check.ts";

/** Protocols of requests and answers, and of sessions that the client opens and ends. */
const clientLeads: ReadonlySet<HealthCheckType> = new Set<HealthCheckType>([
  "http",
  "https",
  "grpc",
  "redis",
  "postgres",
  "mysql",
  "mongodb",
  "kafka",
  "amqp",
  "ssh",
]);

/**
 * Whether a server of this protocol that has ended its side of a connection has no use for what the client still sends.
 * Of a service that is checked by TCP alone that is not known: what reads a file from a connection may have ended its own
 * side at once.
 */
export const serverEndsLast = ({ type }: { readonly type: HealthCheckType }): boolean => clientLeads.has(type);
