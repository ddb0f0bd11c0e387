import * as z from "zod";
import { healthCheckSchema } from "./health-check.ts";
import { declaredName, duration, port, secretTemplate } from "./scalars.ts";

const second = 1000;

const kubernetesConnection = z
  .strictObject({
    context: z.string().min(1).optional().describe("A context of the kubeconfig; default: the current one"),
    namespace: z.string().min(1).default("default"),
    resource_type: z.enum(["service", "pod", "deployment", "statefulset"]).default("service"),
    resource_name: z.string().min(1),
  })
  .transform(({ context, namespace, resource_type, resource_name }) => ({
    context,
    namespace,
    resourceType: resource_type,
    resourceName: resource_name,
  }));

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
  })
  .transform(({ host, user, port, key_file, passphrase, password, known_hosts_file, remote_host }) => ({
    host,
    user,
    port,
    keyFile: key_file,
    passphrase,
    password,
    knownHostsFile: known_hosts_file,
    remoteHost: remote_host,
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
    initial_delay: duration(0.1 * second, 3600 * second).default(0.25 * second),
    backoff_multiplier: z.number().min(1).max(10).default(2),
    max_delay: duration(1 * second, 86_400 * second).default(15 * second),
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
  listen: z.literal(["127.0.0.1", "::1", "localhost"]).default("127.0.0.1").describe("The local address"),
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
      timeout: duration(0, 300 * second).default(30 * second),
      connections: z.int().min(0).max(10_000).default(256),
    })
    .prefault({})
    .describe("New connections wait here while no target is healthy"),
};

const kubernetesService = z.strictObject({
  ...common,
  technology: z.literal("kubernetes"),
  remote_port: z.union([port, z.string().min(1)]).describe("A port of the target, or its name"),
  connection: kubernetesConnection,
});

const sshService = z.strictObject({
  ...common,
  technology: z.literal("ssh"),
  remote_port: port,
  connection: sshConnection,
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
});

/** A service as a user declares it, and after parsing the shape that the engines work with. */
export const serviceSchema = z.discriminatedUnion("technology", [
  kubernetesService.transform((service) => ({
    ...commonOutput(service),
    technology: service.technology,
    remotePort: service.remote_port,
    connection: service.connection,
  })),
  sshService.transform((service) => ({
    ...commonOutput(service),
    technology: service.technology,
    remotePort: service.remote_port,
    connection: service.connection,
  })),
]);

export type ServiceSpec = z.output<typeof serviceSchema>;
export type Technology = ServiceSpec["technology"];
export type KubernetesService = Extract<ServiceSpec, { technology: "kubernetes" }>;
export type SshService = Extract<ServiceSpec, { technology: "ssh" }>;
export type RestartPolicy = z.output<typeof restartPolicySchema>;
