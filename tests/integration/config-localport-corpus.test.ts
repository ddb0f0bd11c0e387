import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { resolveEnvTemplate } from "#domain/references.ts";
import type { HealthCheckSpec } from "#domain/spec/health-check.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { configurationOf } from "../support/config-reading.ts";

/** Written by `scripts/localport-corpus.py FOLDER`, from LocalPort's packages; nothing of it is in the repository. */
const folder = process.env["LOCALPORT_CORPUS"] ?? "";
const file = join(folder, "corpus.json");
const isThere = folder !== "" && existsSync(file);

type Json = Readonly<Record<string, unknown>>;
interface LocalPortService {
  readonly name: string;
  readonly technology: "kubectl" | "ssh";
  readonly local_port: number | string;
  readonly remote_port: number | string;
  readonly connection: Json;
  readonly tags: readonly string[];
  readonly description: string | null;
  readonly enabled: boolean;
  readonly health_check: Json | null;
  readonly restart_policy: Json | null;
}
interface Reading {
  readonly env: Readonly<Record<string, string>>;
  readonly config: { readonly defaults?: { readonly health_check?: Json; readonly restart_policy?: Json } };
  readonly services: readonly LocalPortService[];
}
interface Corpus {
  readonly candidates: number;
  readonly configurations: readonly {
    readonly sources: readonly string[];
    readonly text: string;
    readonly readings: readonly Reading[];
  }[];
}

const corpus: Corpus = isThere
  ? (JSON.parse(readFileSync(file, "utf8")) as Corpus)
  : { candidates: 0, configurations: [] };

/** A credential as LocalPort has it: replaced when the file is read, as it was written where nothing is set. */
const dialled = (template: string | undefined, env: Reading["env"]): string | undefined => {
  if (template === undefined) return undefined;
  const resolution = resolveEnvTemplate(template, (name) => env[name]);
  return resolution.ok ? resolution.value : template.replaceAll("${env:", "${");
};

const textOr = (value: unknown, other: string): string => (typeof value === "string" ? value : other);

/** A service as LocalPort reads it, in our words, with what the format page says otherwise. */
function expected(service: LocalPortService, { config }: Reading): unknown {
  const { connection } = service;
  return {
    name: service.name,
    technology: service.technology === "kubectl" ? "kubernetes" : "ssh",
    localPort: Number(service.local_port),
    remotePort: Number(service.remote_port),
    enabled: service.enabled,
    tags: service.tags,
    description: service.description ?? undefined,
    connection:
      service.technology === "kubectl"
        ? {
            context: connection["context"],
            namespace: connection["namespace"],
            resourceType: connection["resource_type"],
            resourceName: connection["resource_name"],
          }
        : {
            host: connection["host"],
            user: connection["user"],
            port: Number(connection["port"]),
            keyFile: connection["key_file"],
            password: connection["password"],
            // Documented; its code makes it nothing.
            remoteHost: connection["remote_host"] ?? "localhost",
          },
    healthCheck: expectedCheck(service, inherited(config.defaults?.health_check, service.health_check)),
    restartPolicy: expectedPolicy(inherited(config.defaults?.restart_policy, service.restart_policy)),
  };
}

/** Documented; its code never merges them. */
function inherited(defaults: Json | undefined, own: Json | null): Json | undefined {
  return defaults || own ? { ...defaults, ...own } : undefined;
}

function expectedCheck(service: LocalPortService, check: Json = {}): unknown {
  const config = (check["config"] ?? {}) as Json;
  // The address of an HTTP check says whether TLS is spoken, there and here.
  const scheme = /^https?(?=:)/.exec(textOr(config["url"], ""))?.[0];
  const type = scheme ?? textOr(check["type"], "tcp").replace("postgresql", "postgres");
  return {
    type,
    intervalMs: Number(check["interval"] ?? 30) * 1000,
    timeoutMs: Number(config["timeout"] ?? check["timeout"] ?? 5) * 1000,
    failureThreshold: check["failure_threshold"] ?? 3,
    successThreshold: check["success_threshold"] ?? 1,
    config: expectedConfig(type, service, config),
  };
}

function expectedConfig(type: string, service: LocalPortService, config: Json): unknown {
  if (type === "http" || type === "https") {
    const { pathname, search } = new URL(textOr(config["url"], `http://localhost:${service.local_port}/health`));
    const alias = config["expected_status"] === undefined ? [200, 201, 202, 204] : [config["expected_status"]];
    return {
      path: pathname + search,
      method: config["method"] ?? "GET",
      expected_status_codes: config["expected_status_codes"] ?? alias,
      expected_content: config["expected_content"],
      headers: config["headers"] ?? {},
      verify_ssl: config["verify_ssl"] ?? true,
      // Keys of ours, as LocalPort always behaves.
      expected_headers: {},
      follow_redirects: true,
      http2: false,
    };
  }
  if (type === "postgres") {
    return {
      database: config["database"] ?? "postgres",
      user: config["user"] ?? "postgres",
      password: config["password"],
      sslmode: config["sslmode"] ?? "prefer",
      query: "select 1",
    };
  }
  if (type !== "kafka") return {};
  return { bootstrap_servers: config["bootstrap_servers"], tls: false, verify_ssl: true, mechanism: "plain" };
}

function expectedPolicy(policy: Json | undefined): unknown {
  if (!policy) return { enabled: true, maxAttempts: undefined, initialDelayMs: 250, multiplier: 2, maxDelayMs: 15_000 };
  return {
    enabled: policy["enabled"] ?? true,
    maxAttempts: policy["max_attempts"] ?? 5,
    initialDelayMs: Number(policy["initial_delay"] ?? 1) * 1000,
    multiplier: policy["backoff_multiplier"] ?? 2,
    maxDelayMs: Number(policy["max_delay"] ?? 300) * 1000,
  };
}

/** Ours, with credentials as they would be dialled and paths as LocalPort expands them. */
function ours(spec: ServiceSpec, env: Reading["env"]): unknown {
  const { name, technology, localPort, remotePort, enabled, tags, description, healthCheck, restartPolicy } = spec;
  const connection =
    spec.technology === "ssh"
      ? {
          host: spec.connection.host,
          user: spec.connection.user,
          port: spec.connection.port,
          keyFile: spec.connection.keyFile?.replace(/^~/, "/home/corpus"),
          password: dialled(spec.connection.password, env),
          remoteHost: spec.connection.remoteHost,
        }
      : spec.connection;
  const check = { ...healthCheck, config: dialledConfig(healthCheck, env) };
  return {
    name,
    technology,
    localPort,
    remotePort,
    enabled,
    tags,
    description,
    connection,
    healthCheck: check,
    restartPolicy,
  };
}

function dialledConfig({ type, config }: HealthCheckSpec, env: Reading["env"]): unknown {
  if (type === "postgres") return { ...config, password: dialled(config.password, env) };
  if (type !== "http" && type !== "https") return config;
  const headers = Object.entries(config.headers).map(([name, value]) => [name, dialled(value, env)]);
  return { ...config, headers: Object.fromEntries(headers) as Record<string, string> };
}

/** Leaves of a value that say something, for the count. */
const leaves = (value: unknown): number =>
  typeof value === "object" && value !== null
    ? Object.values(value).reduce<number>((sum, inner) => sum + leaves(inner), 0)
    : value === undefined
      ? 0
      : 1;

describe.skipIf(!isThere)(
  "LocalPort's documentation and tests (skipped unless LOCALPORT_CORPUS names a folder made by scripts/localport-corpus.py)",
  () => {
    test("hold 33 configurations that LocalPort loads", () => {
      expect(corpus.configurations).toHaveLength(33);
    });
    test("[config-localport] all of them load, and read as LocalPort reads them", () => {
      const compared: { ours: unknown; theirs: unknown }[] = [];
      const waiting: { code: string | undefined; wants: boolean }[] = [];
      for (const { text, readings } of corpus.configurations) {
        for (const reading of readings) {
          const { services } = configurationOf(text, "localport", reading.env);
          expect(services.map(({ name }) => name)).toEqual(reading.services.map(({ name }) => name));
          for (const [index, service] of reading.services.entries()) {
            const { spec, failure } = services[index] ?? {};
            if (spec) compared.push({ ours: ours(spec, reading.env), theirs: expected(service, reading) });
            // A variable that is not set: LocalPort goes on with its name in braces.
            else waiting.push({ code: failure?.code, wants: JSON.stringify(service).includes("${") });
          }
        }
      }
      expect(compared.map((pair) => pair.ours)).toEqual(compared.map(({ theirs }) => theirs));
      expect(waiting).toEqual(waiting.map(() => ({ code: "variable_missing", wants: true })));
      expect(compared.length).toBeGreaterThan(100);
      const fields = compared.reduce((sum, { theirs }) => sum + leaves(theirs), 0);
      process.stdout.write(
        `LocalPort's corpus: ${corpus.configurations.length} configurations, ${compared.length} services and ${fields} fields read the same, ${waiting.length} services wait for a variable\n`,
      );
    });
  },
);
