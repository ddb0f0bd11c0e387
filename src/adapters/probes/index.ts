import type { Probe, Probes } from "#application/ports/probe.ts";
import type { HealthCheckOf, HealthCheckType } from "#domain/spec/health-check.ts";

/** Where the probe of each type is; loaded on first use. */
const loaders: { readonly [T in HealthCheckType]: () => Promise<{ run: Probe<T>["run"] }> } = {
  tcp: async () => (await import("./tcp.ts")).tcpProbe,
  tls: async () => (await import("./tls.ts")).tlsProbe,
  http: async () => (await import("./http.ts")).httpProbe,
  https: async () => (await import("./http.ts")).httpProbe,
  grpc: async () => (await import("./grpc.ts")).grpcProbe,
  postgres: async () => (await import("./postgres.ts")).postgresProbe,
  mysql: async () => (await import("./mysql.ts")).mysqlProbe,
  redis: async () => (await import("./redis.ts")).redisProbe,
  mongodb: async () => (await import("./mongodb.ts")).mongodbProbe,
  kafka: async () => (await import("./kafka.ts")).kafkaProbe,
  amqp: async () => (await import("./amqp.ts")).amqpProbe,
  dns: async () => (await import("./dns.ts")).dnsProbe,
  ssh: async () => (await import("./ssh.ts")).sshProbe,
  udp: async () => (await import("./udp.ts")).udpProbe,
  command: async () => (await import("./command.ts")).commandProbe,
};

/** Dispatches a check to the probe of its type. */
export function createProbes(): Probes {
  // Asking Node's loader again for each check costs more than some checks do.
  const loaded: { [T in HealthCheckType]?: ReturnType<(typeof loaders)[T]> } = {};
  const load = <T extends HealthCheckType>(type: T): ReturnType<(typeof loaders)[T]> => {
    const loading = loaded[type] ?? loaders[type]();
    loaded[type] = loading as (typeof loaded)[T];
    return loading as ReturnType<(typeof loaders)[T]>;
  };
  const run = async <T extends HealthCheckType>(type: T, check: HealthCheckOf<T>, ...rest: Rest): ReturnType<Run> =>
    (await load(type)).run(check, ...rest);
  return { run: (check, path, context) => run(check.type, check, path, context) };
}

type Run = Probes["run"];
type Rest = [path: Parameters<Run>[1], context: Parameters<Run>[2]];
