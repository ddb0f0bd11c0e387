import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check, pathTo } from "../support/probe-path.ts";
import { isListening, slowRelay, tlsRelay } from "../support/probe-relays.ts";

const env = process.env;
const port = (name: string): number => Number(env[name] ?? 0);
const certs = join(env["TESTBED_DIR"] ?? "/nonexistent", "certs");
const trusted = { SSL_CERT_FILE: join(certs, "ca.pem"), PASSWORD: "tb", WRONG: "wrong", GUEST: "guest" };

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

const all = kinds.map((kind) => {
  const reason = running.get(kind) === true ? "" : ` (needs the testbed's ${kind.part}, which does not run)`;
  return [`${kind.type} check${reason}`, kind, reason !== ""] as const;
});

const at = (type: string, where: number, config: object = {}, timeoutMs = 5000) =>
  check({ type, config }, pathTo(where, { tunnel: true }), { env: trusted, timeoutMs });

describe("[check-real-servers] every kind of check", () => {
  for (const [title, kind, skip] of all) {
    const { type, healthy, wrongPassword, missing, tls } = kind;

    test.skipIf(skip)(`${title}: of the real server`, async () => {
      for (const { config, by, phases } of healthy) {
        const result = await at(type, kind.port, config);
        expect(result).toMatchObject({ ok: true, by });
        expect(Object.keys(result.phasesMs)).toEqual(phases);
        expect(Object.values(result.phasesMs).every((ms) => ms >= 0 && ms < 4000)).toBe(true);
      }
    });

    test.skipIf(skip)(`${title}: of one that is stopped, and one behind a slow network`, async () => {
      const gone = await slowRelay(kind.port, 0);
      await gone[Symbol.asyncDispose]();
      expect(await at(type, gone.port, healthy[0]?.config)).toMatchObject({ ok: false, code: "target_unreachable" });
      await using slow = await slowRelay(kind.port, 60);
      expect(await at(type, slow.port, healthy[0]?.config)).toMatchObject({ ok: true });
      await using slower = await slowRelay(kind.port, 1500);
      const startedMs = performance.now();
      const late = await at(type, slower.port, healthy[0]?.config, 400);
      expect(late).toMatchObject({ ok: false, code: expect.stringMatching(/^application_(unhealthy|slow)$/) });
      expect(performance.now() - startedMs).toBeLessThan(1400);
    });

    if (wrongPassword) {
      test.skipIf(skip)(`${title}: with a wrong password`, async () => {
        const result = await at(type, kind.port, wrongPassword);
        expect(result).toMatchObject({ ok: false, code: "application_auth_failed" });
        expect(JSON.stringify(result)).not.toContain('"wrong"');
      });
    }

    if (missing) {
      test.skipIf(skip)(`${title}: of what is missing there`, async () => {
        const { config, code = "database_missing" } = missing;
        expect(await at(type, kind.port, config)).toMatchObject({ ok: false, code });
      });
    }

    if (tls) {
      const { config, type: as = type, alpn } = tls;
      const certificates = { expired: "certificate_expired", wrongname: "certificate_name_mismatch" };
      test.skipIf(skip)(`${title}: over TLS`, async () => {
        await using relay = await tlsRelay(certs, "server", kind.port, alpn);
        const facts = { not_after_ms: expect.any(Number), certificate_days_left: expect.any(Number) };
        const phasesMs = { dial: expect.any(Number), tls: expect.any(Number) };
        expect(await at(as, relay.port, config)).toMatchObject({ ok: true, facts, phasesMs });
        const stranger = check({ type: as, config }, pathTo(relay.port), { env: {} });
        expect(await stranger).toMatchObject({ ok: false, code: "certificate_untrusted" });
        for (const [name, code] of Object.entries(certificates)) {
          await using bad = await tlsRelay(certs, name, kind.port, alpn);
          expect(await at(as, bad.port, config)).toMatchObject({ ok: false, code });
          expect(await at(as, bad.port, { ...config, verify_ssl: false })).toMatchObject({ ok: true });
        }
      });
    }
  }
});
