import * as z from "zod";
import { duration, port, secretTemplate } from "./scalars.ts";

const second = 1000;

const timing = {
  interval: duration(1 * second, 3600 * second)
    .default(30 * second)
    .describe("Time between two checks"),
  timeout: duration(0.1 * second, 300 * second)
    .default(5 * second)
    .describe("How long one check may take"),
  failure_threshold: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("Failed checks in a row before an idle service counts as failing"),
  success_threshold: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe("Passed checks in a row before it counts as ready again"),
  cluster_aware: z.boolean().optional().describe("LocalPort's key; always on here"),
};

const tcp = z.strictObject({
  type: z.literal("tcp"),
  ...timing,
  config: z.strictObject({}).default({}),
});

const redis = z.strictObject({
  type: z.literal("redis"),
  ...timing,
  config: z
    .strictObject({
      username: z.string().optional(),
      password: secretTemplate.optional(),
      tls: z.boolean().default(false),
    })
    .prefault({}),
});

const httpConfig = z
  .strictObject({
    path: z.string().startsWith("/").default("/health").describe("Path and query of the request"),
    host: z.string().optional().describe("The Host header; default: localhost and the local port"),
    method: z.enum(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]).default("GET"),
    expected_status_codes: z.array(z.int().min(100).max(599)).min(1).default([200, 201, 202, 204]),
    expected_content: z.string().optional().describe("Text that the body must contain"),
    headers: z.record(z.string(), secretTemplate).default({}),
    verify_ssl: z.boolean().default(true),
  })
  .prefault({});

const http = z.strictObject({ type: z.literal("http"), ...timing, config: httpConfig });
const https = z.strictObject({ type: z.literal("https"), ...timing, config: httpConfig });

const postgres = z.strictObject({
  type: z.enum(["postgres", "postgresql"]),
  ...timing,
  config: z
    .strictObject({
      database: z.string().default("postgres"),
      user: z.string().default("postgres"),
      password: secretTemplate
        .optional()
        .describe("Without it the check ends at the server's answer to the start-up message"),
      sslmode: z.enum(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]).default("prefer"),
      query: z.string().default("select 1"),
    })
    .prefault({}),
});

const kafka = z.strictObject({
  type: z.literal("kafka"),
  ...timing,
  config: z.strictObject({ bootstrap_servers: z.string().optional(), topic: z.string().optional() }).default({}),
});

/** How a service is verified: one exchange through the whole path. */
export const healthCheckSchema = z
  .discriminatedUnion("type", [tcp, redis, http, https, postgres, kafka])
  .transform(({ type, interval, timeout, failure_threshold, success_threshold, config }) => {
    const common = {
      intervalMs: interval,
      timeoutMs: timeout,
      failureThreshold: failure_threshold,
      successThreshold: success_threshold,
    };
    // Narrowed by hand: a transform sees the union of all configurations.
    return { type: type === "postgresql" ? "postgres" : type, ...common, config } as
      | (typeof common & { type: "tcp"; config: z.output<typeof tcp>["config"] })
      | (typeof common & { type: "redis"; config: z.output<typeof redis>["config"] })
      | (typeof common & { type: "http"; config: z.output<typeof httpConfig> })
      | (typeof common & { type: "https"; config: z.output<typeof httpConfig> })
      | (typeof common & { type: "postgres"; config: z.output<typeof postgres>["config"] })
      | (typeof common & { type: "kafka"; config: z.output<typeof kafka>["config"] });
  });

export type HealthCheckSpec = z.output<typeof healthCheckSchema>;
export type HealthCheckType = HealthCheckSpec["type"];

/** A check of one type, for the probe that runs it. */
export type HealthCheckOf<T extends HealthCheckType> = Extract<HealthCheckSpec, { type: T }>;

/** Ports that a check may name in LocalPort's files; kept here so that their rule has one place. */
export const checkPort = port;
