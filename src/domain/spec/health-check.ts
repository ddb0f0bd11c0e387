import * as z from "zod";
import { duration, port, secretTemplate } from "./scalars.ts";

const second = 1000;

const timing = {
  interval: duration(1 * second, 3600 * second)
    .default(30 * second)
    .describe("Time between two checks; default: 30s"),
  timeout: duration(0.1 * second, 300 * second)
    .default(5 * second)
    .describe("How long one check may take; default: 5s"),
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

/** LocalPort's keys for where a check connects to. Every check runs through the service's own path, so they say nothing more. */
const place = {
  host: z.string().optional().describe("LocalPort's key; checks run through the path"),
  port: port.optional().describe("LocalPort's key; checks run through the path"),
  timeout: duration(0.1 * second, 300 * second)
    .optional()
    .describe("LocalPort's key for the check's timeout; wins over it"),
};

const tcp = z.strictObject({
  type: z.literal("tcp").default("tcp"),
  ...timing,
  config: z.strictObject(place).default({}),
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

const statusCode = z.int().min(100).max(599);

const httpConfig = z
  .strictObject({
    path: z.string().startsWith("/").optional().describe("Path and query of the request; default: /health"),
    host: z.string().optional().describe("The Host header; default: localhost and the local port"),
    url: z
      .url({ protocol: /^https?$/, error: "must be an address such as http://localhost:8080/health" })
      .optional()
      .describe("LocalPort's key: its path is requested through the service's own path"),
    method: z.enum(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]).default("GET"),
    expected_status_codes: z.array(statusCode).min(1).optional().describe("Default: 200, 201, 202, 204"),
    expected_status: z
      .union([statusCode, z.array(statusCode).min(1)])
      .optional()
      .describe("LocalPort's word for expected_status_codes"),
    expected_content: z.string().optional().describe("Text that the body must contain"),
    headers: z.record(z.string(), secretTemplate).default({}),
    verify_ssl: z.boolean().default(true),
    port: place.port,
    timeout: place.timeout,
  })
  .prefault({});

const http = z.strictObject({ type: z.literal(["http", "https"]), ...timing, config: httpConfig });

const postgres = z.strictObject({
  type: z.literal(["postgres", "postgresql"]),
  ...timing,
  config: z
    .strictObject({
      ...place,
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
  config: z
    .strictObject({
      bootstrap_servers: z.string().optional(),
      topic: z.string().optional(),
      timeout: place.timeout,
    })
    .default({}),
});

/** A check's configuration without LocalPort's words, which are read once, here. */
function httpOutput({ url, path, host, ...config }: z.output<typeof httpConfig>) {
  const address = url === undefined ? undefined : new URL(url);
  const { expected_status: alias, expected_status_codes: codes = alias ?? [200, 201, 202, 204] } = config;
  const fromUrl = address && !isLoopbackName(address.hostname) ? address.host : undefined;
  const authority = host ?? fromUrl;
  return {
    path: path ?? (address ? `${address.pathname}${address.search}` : "/health"),
    ...(authority !== undefined && { host: authority }),
    method: config.method,
    expected_status_codes: typeof codes === "number" ? [codes] : codes,
    ...(config.expected_content !== undefined && { expected_content: config.expected_content }),
    headers: { ...basicAuthorization(address), ...config.headers },
    verify_ssl: config.verify_ssl,
  };
}

/** `user:password@` of a URL, as clients send it; the password is percent-decoded where it can be. */
function basicAuthorization(address: URL | undefined): Record<string, string> {
  if (!address || (address.username === "" && address.password === "")) return {};
  let pair = `${address.username}:${address.password}`;
  try {
    pair = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  } catch {
    // A stray percent sign: the text as it stands.
  }
  const bytes = new TextEncoder().encode(pair);
  return { Authorization: `Basic ${btoa(String.fromCodePoint(...bytes))}` };
}

/** Names of this machine: a check that names one of them means the local end of the service. */
export const isLoopbackName = (host: string): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|0\.0\.0\.0|\[::\])$/i.test(host);

const kafkaOutput = ({ bootstrap_servers, topic }: z.output<typeof kafka>["config"]) => ({
  ...(bootstrap_servers !== undefined && { bootstrap_servers }),
  ...(topic !== undefined && { topic }),
});

const postgresOutput = ({ database, user, password, sslmode, query }: z.output<typeof postgres>["config"]) => ({
  database,
  user,
  ...(password !== undefined && { password }),
  sslmode,
  query,
});

/** How a service is verified: one exchange through the whole path. */
export const healthCheckSchema = z
  .discriminatedUnion("type", [tcp, redis, http, postgres, kafka])
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
      case "redis":
        return { type: check.type, ...common, config: check.config };
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
    }
  });

export type HealthCheckSpec = z.output<typeof healthCheckSchema>;
export type HealthCheckType = HealthCheckSpec["type"];

/** A check of one type, for the probe that runs it. */
export type HealthCheckOf<T extends HealthCheckType> = Extract<HealthCheckSpec, { type: T }>;
