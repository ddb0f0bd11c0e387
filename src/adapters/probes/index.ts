import type { Probes } from "#application/ports/probe.ts";

/** Dispatches a check to the probe of its type; each is loaded on first use. */
export function createProbes(): Probes {
  return {
    async run(check, path, context) {
      switch (check.type) {
        case "tcp":
          return (await import("./tcp.ts")).tcpProbe.run(check, path, context);
        case "redis":
          return (await import("./redis.ts")).redisProbe.run(check, path, context);
        case "http":
        case "https":
          return (await import("./http.ts")).httpProbe.run(check, path, context);
        case "postgres":
          return (await import("./postgres.ts")).postgresProbe.run(check, path, context);
        case "kafka":
          return (await import("./kafka.ts")).kafkaProbe.run(check, path, context);
      }
    },
  };
}
