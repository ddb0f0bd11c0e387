import * as z from "zod";
import { healthCheckSchema } from "./health-check.ts";
import { isSocketPath } from "./local-end.ts";
import { kubernetesConnection } from "./kubernetes-connection.ts";
import { declaredName, duration, port, secretTemplate } from "./scalars.ts";

const second = 1000;

const sshConnection = z
  .strictObject({
    host: z.string().min(1).describe("The SSH server"),
    user: z.string().min(1).optional().describe("Default: the person's user name"),
    port: port.default(22),
    key_file: z.string().min(1).optional().describe("A private key; ~ is the home folder"),
    passphrase: secretTemplate.optional(),
    password: secretTemplate.optional().describe("Used when no key is accepted"),
    known_hosts_file: z.string().min(1).optional().describe("Default: ~/.ssh/known_hosts"),
    remote_host: z.string().min(1).default("localhost").describe("The target, as the SSH server sees it"),
    remote_socket: z.string().min(1).optional().describe("A Unix socket on the SSH server, in place of a port"),
    direction: z.enum(["local", "remote", "dynamic"]).optional().describe("Default: local"),
    driver: z.enum(["auto", "ssh2", "openssh"]).optional().describe("Default: auto"),
  })
  .transform(({ host, user, port, key_file, passphrase, password, known_hosts_file, remote_host, ...later }) => ({
    host,
    user,
    port,
    keyFile: key_file,
    passphrase,
    password,
    knownHostsFile: known_hosts_file,
    remoteHost: remote_host,
    ...(later.remote_socket !== undefined && { remoteSocket: later.remote_socket }),
    ...(later.direction !== undefined && { direction: later.direction }),
    ...(later.driver !== undefined && { driver: later.driver }),
  }));

export const restartPolicySchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    max_attempts: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .describe("Attempts in a row before the service pauses; default: no limit"),
    initial_delay: duration(0.1 * second, 3600 * second)
      .default(0.25 * second)
      .describe("Before the second attempt; default: 250ms"),
    backoff_multiplier: z.number().min(1).max(10).default(2),
    max_delay: duration(1 * second, 86_400 * second)
      .default(15 * second)
      .describe("The longest wait; default: 15s"),
  })
  .transform(({ enabled, max_attempts, initial_delay, backoff_multiplier, max_delay }) => ({
    enabled,
    maxAttempts: max_attempts,
    initialDelayMs: initial_delay,
    multiplier: backoff_multiplier,
    maxDelayMs: max_delay,
  }));

const common = {
  name: declaredName,
  local_port: z
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe("0 or absent: a stable free port is chosen and remembered"),
  listen: z
    .union([
      z.literal(["127.0.0.1", "::1", "localhost"]),
      z
        .string()
        .regex(
          /^~?\/[^\0]*[^/\0]$/,
          "must be one of 127.0.0.1, ::1, localhost, or the path of a Unix socket (/run/db.sock, ~/db.sock)",
        ),
    ])
    .default("127.0.0.1")
    .describe("The local address, or the path of a Unix socket"),
  enabled: z.boolean().default(true),
  tags: z.array(z.string().min(1)).default([]),
  description: z.string().nullish(),
  health_check: healthCheckSchema.prefault({ type: "tcp" }).describe("Default: tcp, through the path"),
  restart_policy: restartPolicySchema.prefault({}),
  depends_on: z.array(z.string()).default([]).describe("Services that must be ready first"),
  exports: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected the name of an environment variable"), z.string())
    .default({})
    .describe("Variables for programs; ${host} and ${port} are the local end"),
  waiting_room: z
    .strictObject({
      timeout: duration(0, 300 * second)
        .default(30 * second)
        .describe("How long a connection waits; default: 30s"),
      connections: z.int().min(0).max(10_000).default(256),
    })
    .prefault({})
    .describe("New connections wait here while no target is healthy"),
  via: z.array(z.string().min(1)).default([]).describe("Hosts or services on the way, outermost first"),
  balance: z
    .enum(["least_connections", "round_robin", "single"])
    .optional()
    .describe(
      "How new connections spread over several targets; default: least_connections, single for a StatefulSet and a Job",
    ),
};

const kubernetesService = z.strictObject({
  ...common,
  technology: z.literal(["kubernetes", "kubectl"]).describe("kubectl is LocalPort's word for kubernetes"),
  remote_port: z.union([port, z.string().min(1)]).describe("A port of the target, or its name"),
  connection: kubernetesConnection,
});

const sshService = z
  .strictObject({
    ...common,
    technology: z.literal("ssh"),
    remote_port: z
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe("A port behind the SSH server; for direction: remote, on it"),
    connection: sshConnection,
  })
  .refine((service) => hasRemoteEnd(service), {
    path: ["remote_port"],
    message: "must be a port: a whole number from 1 to 65535",
    when: () => true,
  })
  .refine((service) => hasTarget(service), {
    path: ["local_port"],
    message: "must be the port on this machine that a remote forward leads to",
    when: () => true,
  });

/** Looked at even where other keys are wrong, so of any shape. */
interface PerhapsSsh {
  readonly remote_port?: unknown;
  readonly local_port?: unknown;
  readonly listen?: unknown;
  readonly connection?: { readonly direction?: unknown; readonly remoteSocket?: unknown };
}

const hasRemoteEnd = ({ remote_port, connection }: PerhapsSsh): boolean =>
  (remote_port !== undefined && remote_port !== 0) ||
  connection?.remoteSocket !== undefined ||
  (connection?.direction !== undefined && connection.direction !== "local");

const hasTarget = ({ local_port, listen, connection }: PerhapsSsh): boolean =>
  connection?.direction !== "remote" || local_port !== 0 || (typeof listen === "string" && isSocketPath(listen));

/** Declared so that it is shown with its cause: the reverse proxy is not built yet. */
export const proxyServiceSchema = z.strictObject({
  ...common,
  technology: z.literal("proxy"),
  tls: z.record(z.string(), z.unknown()).optional(),
  routes: z.array(z.record(z.string(), z.unknown())).default([]),
});

type CommonInput = Omit<z.output<typeof kubernetesService>, "technology" | "remote_port" | "connection">;

const commonOutput = (service: CommonInput) => ({
  name: service.name,
  localPort: service.local_port,
  listen: service.listen,
  enabled: service.enabled,
  tags: service.tags,
  description: service.description ?? undefined,
  healthCheck: service.health_check,
  restartPolicy: service.restart_policy,
  dependsOn: service.depends_on,
  exports: service.exports,
  waitingRoom: { timeoutMs: service.waiting_room.timeout, connections: service.waiting_room.connections },
  ...(service.via.length > 0 && { via: service.via }),
  ...(service.balance !== undefined && { balance: service.balance }),
});

/** A service as a user declares it, and after parsing the shape that the engines work with. */
export const serviceSchema = z.discriminatedUnion("technology", [
  kubernetesService.transform((service) => ({
    ...commonOutput(service),
    technology: "kubernetes" as const,
    remotePort: service.remote_port,
    connection: service.connection,
  })),
  sshService.transform((service) => ({
    ...commonOutput(service),
    technology: service.technology,
    /** 0 where there is none: a socket, a dynamic forward, a remote one whose port the server chooses. */
    remotePort: service.remote_port ?? 0,
    connection: service.connection,
  })),
]);

/** What a file may declare: with what cannot run yet. */
export const declaredServiceSchema = z.discriminatedUnion("technology", [
  kubernetesService,
  sshService,
  proxyServiceSchema,
]);

export type ServiceSpec = z.output<typeof serviceSchema>;
export type Technology = ServiceSpec["technology"];
export type KubernetesService = Extract<ServiceSpec, { technology: "kubernetes" }>;
export type SshService = Extract<ServiceSpec, { technology: "ssh" }>;
export type RestartPolicy = z.output<typeof restartPolicySchema>;
