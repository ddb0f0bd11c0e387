import * as z from "zod";
import { amqp, kafka, kafkaOutput } from "./checks/brokers.ts";
import { mongodb, mysql, postgres, postgresOutput, redis } from "./checks/databases.ts";
import { http, httpOutput } from "./checks/http.ts";
import { command, dns, grpc, ssh, tcp, tls, udp } from "./checks/network.ts";

/** How a service is verified: one exchange through the whole path. */
export const healthCheckSchema = z
  .discriminatedUnion("type", [
    tcp,
    redis,
    http,
    postgres,
    kafka,
    tls,
    grpc,
    mysql,
    mongodb,
    amqp,
    dns,
    ssh,
    udp,
    command,
  ])
  .transform((check) => {
    const common = {
      intervalMs: check.interval,
      timeoutMs: ("timeout" in check.config ? check.config.timeout : undefined) ?? check.timeout,
      failureThreshold: check.failure_threshold,
      successThreshold: check.success_threshold,
    };
    switch (check.type) {
      case "tcp":
        return { type: check.type, ...common, config: {} };
      case "http":
      case "https": {
        const scheme = check.config.url?.slice(0, check.config.url.indexOf(":")).toLowerCase();
        const type = scheme === "http" || scheme === "https" ? scheme : check.type;
        const config = httpOutput(check.config);
        return type === "https"
          ? { type: "https" as const, ...common, config }
          : { type: "http" as const, ...common, config };
      }
      case "postgres":
      case "postgresql":
        return { type: "postgres" as const, ...common, config: postgresOutput(check.config) };
      case "kafka":
        return { type: check.type, ...common, config: kafkaOutput(check.config) };
      case "mysql":
      case "mariadb":
        return { type: "mysql" as const, ...common, config: check.config };
      // One by one, so that type and config stay together.
      case "redis":
        return { type: check.type, ...common, config: check.config };
      case "tls":
        return { type: check.type, ...common, config: check.config };
      case "grpc":
        return { type: check.type, ...common, config: check.config };
      case "mongodb":
        return { type: check.type, ...common, config: check.config };
      case "amqp":
        return { type: check.type, ...common, config: check.config };
      case "dns":
        return { type: check.type, ...common, config: check.config };
      case "ssh":
        return { type: check.type, ...common, config: check.config };
      case "udp":
        return { type: check.type, ...common, config: check.config };
      case "command":
        return { type: check.type, ...common, config: check.config };
    }
  });

export type HealthCheckSpec = z.output<typeof healthCheckSchema>;
export type HealthCheckType = HealthCheckSpec["type"];

/** A check of one type, for the probe that runs it. */
export type HealthCheckOf<T extends HealthCheckType> = Extract<HealthCheckSpec, { type: T }>;
