import type { Probes, Probe, ProbeResult } from "#application/ports/probe.ts";
import type { HealthCheckType } from "#domain/spec/health-check.ts";

type Loaders = { readonly [T in HealthCheckType]: () => Promise<Probe<T>> };

/** Each is loaded when the first check of its type runs. */
const loaders: Loaders = {
  tcp: async () => (await import("./tcp.ts")).tcpProbe,
  redis: async () => (await import("./redis.ts")).redisProbe,
  http: async () => (await import("./http.ts")).httpProbe,
  https: async () => (await import("./http.ts")).httpProbe,
  postgres: async () => (await import("./postgres.ts")).postgresProbe,
  kafka: async () => (await import("./kafka.ts")).kafkaProbe,
};

/** Runs the probe of a check's type. */
export function createProbes(): Probes {
  return {
    async run(check, path, context): Promise<ProbeResult> {
      const probe = (await loaders[check.type]()) as Probe;
      return probe.run(check, path, context);
    },
  };
}
