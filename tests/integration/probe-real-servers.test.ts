import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check, pathTo } from "../support/probe-path.ts";
import { isListening, slowRelay, tlsRelay } from "../support/probe-relays.ts";

const env = process.env;
const port = (name: string): number => Number(env[name] ?? 0);
const certs = env["TESTBED_DIR"] === undefined ? undefined : join(env["TESTBED_DIR"], "certs");
const trusted = { SSL_CERT_FILE: join(certs ?? "", "ca.pem"), PASSWORD: "tb", WRONG: "wrong", GUEST: "guest" };

interface Kind {
  readonly type: string;
  /** Where the testbed has it, and the part to start. */
  readonly port: number;
  readonly part: string;
  readonly healthy: { readonly config?: object; readonly by: string; readonly phases: readonly string[] }[];
  readonly wrongPassword?: object;
  readonly missing?: { readonly config: object; readonly code?: string };
  /** How the check asks for TLS from the first byte; absent where its own protocol switches to it. */
  readonly tls?: { readonly type?: string; readonly config: object; readonly alpn?: string[] };
}

const secret = (name: string): string => `\${env:${name}}`;
const plain = ["dial", "first_byte"];
const kinds: readonly Kind[] = [
  {
    type: "http",
    port: port("TB_UP1_PORT"),
    part: "upstream",
    healthy: [
      { by: "http 200 GET /health", phases: plain },
      { config: { expected_status: "2xx" }, by: "http 200 GET /health", phases: plain },
      {
        config: { path: "/status/418", expected_status_codes: ["400-499"] },
        by: "http 418 GET /status/418",
        phases: plain,
      },
    ],
    wrongPassword: { path: "/status/401" },
    missing: { config: { path: "/status/404" }, code: "check_path_missing" },
    tls: { type: "https", config: {} },
  },
  {
    type: "grpc",
    port: port("TB_GRPC_PORT"),
    part: "grpchealth",
    healthy: [
      { by: "grpc health SERVING", phases: plain },
      { config: { service: "tb.Echo" }, by: "grpc health SERVING", phases: plain },
    ],
    missing: { config: { service: "no.Such" }, code: "check_path_missing" },
    tls: { config: { tls: true }, alpn: ["h2"] },
  },
  {
    type: "postgres",
    port: port("TB_PG_PORT"),
    part: "postgres",
    healthy: [
      {
        config: { user: "tb", password: secret("PASSWORD"), database: "tb" },
        by: "postgres query",
        phases: ["dial", "first_byte", "auth"],
      },
    ],
    wrongPassword: { user: "tb", password: secret("WRONG"), database: "tb" },
    missing: { config: { user: "tb", password: secret("PASSWORD"), database: "nowhere" } },
  },
  {
    type: "mysql",
    port: port("TB_MYSQL_PORT"),
    part: "mariadb",
    healthy: [
      { config: { user: "nobody" }, by: "mysql handshake", phases: ["dial", "first_byte", "auth"] },
      {
        config: { user: "tb", password: secret("PASSWORD"), database: "tb" },
        by: "mysql ping",
        phases: ["dial", "first_byte", "auth"],
      },
      {
        config: { user: "tb", password: secret("PASSWORD"), query: "select 1" },
        by: "mysql query",
        phases: ["dial", "first_byte", "auth"],
      },
    ],
    wrongPassword: { user: "tb", password: secret("WRONG") },
    missing: { config: { user: "tb", password: secret("PASSWORD"), database: "nowhere" } },
  },
  {
    type: "redis",
    port: port("TB_REDIS_PORT"),
    part: "redis",
    healthy: [{ by: "redis PING", phases: plain }],
    missing: { config: { cluster: true }, code: "protocol_mismatch" },
    tls: { config: { tls: true } },
  },
  {
    type: "mongodb",
    port: port("TB_MONGO_PORT"),
    part: "mongo",
    healthy: [{ by: "mongodb hello", phases: plain }],
    missing: { config: { database: "nowhere" } },
    tls: { config: { tls: true } },
  },
  {
    type: "kafka",
    port: port("TB_KAFKA_PORT"),
    part: "kafka",
    healthy: [{ by: "kafka ApiVersions", phases: plain }],
    missing: { config: { topic: "no-such-topic" } },
    tls: { config: { tls: true } },
  },
  {
    type: "amqp",
    port: port("TB_AMQP_PORT"),
    part: "rabbitmq",
    healthy: [
      { by: "amqp open", phases: ["dial", "first_byte", "auth"] },
      {
        config: { user: "guest", password: secret("GUEST") },
        by: "amqp open",
        phases: ["dial", "first_byte", "auth"],
      },
    ],
    wrongPassword: { user: "guest", password: secret("WRONG") },
    missing: { config: { vhost: "nowhere" } },
    tls: { config: { tls: true } },
  },
  { type: "ssh", port: port("TB_SSH_PORT"), part: "sshd", healthy: [{ by: "ssh key exchange", phases: plain }] },
];

const running = new Map(await Promise.all(kinds.map(async (kind) => [kind, await isListening(kind.port)] as const)));

describe.each(kinds.map((kind) => [kind.type, kind] as const))("[check-real-servers] a %s check", (type, kind) => {
  const reason = running.get(kind) === true ? "" : ` (needs the testbed's ${kind.part}, which does not run)`;
  const run = test.skipIf(reason !== "");
  const at = (where: number, config: object = {}, timeoutMs = 5000, as = type) =>
    check({ type: as, config }, pathTo(where, { tunnel: true }), { env: trusted, timeoutMs });

  run(`of the real server${reason}`, async () => {
    for (const { config, by, phases } of kind.healthy) {
      const result = await at(kind.port, config);
      expect(result).toMatchObject({ ok: true, by });
      expect(Object.keys(result.phasesMs)).toEqual(phases);
      expect(Object.values(result.phasesMs).every((ms) => ms >= 0 && ms < 3000)).toBe(true);
    }
  });

  run(`of one that is stopped, and one that hangs behind a slow network${reason}`, async () => {
    const gone = await slowRelay(kind.port, 0);
    await gone[Symbol.asyncDispose]();
    expect(await at(gone.port, kind.healthy[0]?.config)).toMatchObject({ ok: false, code: "target_unreachable" });
    await using slow = await slowRelay(kind.port, 60);
    expect(await at(slow.port, kind.healthy[0]?.config)).toMatchObject({ ok: true });
    await using slower = await slowRelay(kind.port, 1500);
    const startedMs = performance.now();
    const late = await at(slower.port, kind.healthy[0]?.config, 400);
    expect(late).toMatchObject({ ok: false });
    expect(["application_unhealthy", "application_slow"]).toContain(!late.ok && late.code);
    expect(performance.now() - startedMs).toBeLessThan(1200);
  });

  test.skipIf(reason !== "" || !kind.wrongPassword)(`with a wrong password${reason}`, async () => {
    const result = await at(kind.port, kind.wrongPassword);
    expect(result).toMatchObject({ ok: false, code: "application_auth_failed" });
    expect(JSON.stringify(result)).not.toContain('"wrong"');
  });

  test.skipIf(reason !== "" || !kind.missing)(`of what is missing there${reason}`, async () => {
    const { config = {}, code = "database_missing" } = kind.missing ?? {};
    expect(await at(kind.port, config)).toMatchObject({ ok: false, code });
  });

  test.skipIf(reason !== "" || !kind.tls || certs === undefined)(`over TLS${reason}`, async () => {
    const { config = {}, type: as, alpn } = kind.tls ?? {};
    const wanted = { server: undefined, expired: "certificate_expired", wrongname: "certificate_name_mismatch" };
    for (const [name, code] of Object.entries(wanted)) {
      await using relay = await tlsRelay(certs ?? "", name, kind.port, alpn);
      const result = await at(relay.port, config, 5000, as);
      expect(result).toMatchObject(code === undefined ? { ok: true } : { ok: false, code });
      if (result.ok) {
        expect(result.facts).toMatchObject({
          not_after_ms: expect.any(Number),
          certificate_days_left: expect.any(Number),
        });
        expect(result.phasesMs).toHaveProperty("tls");
      }
      const careless = await at(relay.port, { ...config, verify_ssl: false }, 5000, as);
      expect(careless).toMatchObject({ ok: true });
    }
    await using untrusted = await tlsRelay(certs ?? "", "server", kind.port, alpn);
    const stranger = check({ type: as ?? type, config }, pathTo(untrusted.port), { env: {} });
    expect(await stranger).toMatchObject({ ok: false, code: "certificate_untrusted" });
  });
});
