import * as z from "zod";

const text = z.string();
const optionalText = z
  .string()
  .nullish()
  .transform((value) => (value === null || value === "" ? undefined : value));
const optionalFlag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

const cluster = z.object({
  server: z.string().default(""),
  "certificate-authority": optionalText,
  "certificate-authority-data": optionalText,
  "insecure-skip-tls-verify": optionalFlag,
  "tls-server-name": optionalText,
  "proxy-url": optionalText,
  extensions: list(z.object({ name: text, extension: z.unknown() })),
});

const exec = z.object({
  apiVersion: text,
  command: text.min(1),
  args: list(text),
  env: list(z.object({ name: text, value: text.default("") })),
  installHint: optionalText,
  provideClusterInfo: optionalFlag,
  interactiveMode: optionalText,
});

const user = z.object({
  "client-certificate": optionalText,
  "client-certificate-data": optionalText,
  "client-key": optionalText,
  "client-key-data": optionalText,
  token: optionalText,
  tokenFile: optionalText,
  username: optionalText,
  password: optionalText,
  as: optionalText,
  "as-uid": optionalText,
  "as-groups": list(text),
  "as-user-extra": z
    .record(z.string(), z.array(z.string()))
    .nullish()
    .transform((extra) => extra ?? {}),
  exec: exec.nullish().transform((value) => value ?? undefined),
  "auth-provider": z
    .object({ name: z.string().default("") })
    .nullish()
    .transform((value) => value ?? undefined),
});

const context = z.object({ cluster: z.string().default(""), user: z.string().default(""), namespace: optionalText });

/** One kubeconfig file (client.authentication and clientcmd v1 types), read leniently: unknown keys mean nothing. */
export const kubeconfigSchema = z.object({
  "current-context": optionalText,
  clusters: list(z.object({ name: text, cluster: cluster.nullish() })),
  users: list(z.object({ name: text, user: user.nullish() })),
  contexts: list(z.object({ name: text, context: context.nullish() })),
});

export type KubeconfigFile = z.output<typeof kubeconfigSchema>;
export type ClusterEntry = z.output<typeof cluster>;
export type UserEntry = z.output<typeof user>;
export type ContextEntry = z.output<typeof context>;
export type ExecEntry = z.output<typeof exec>;
