import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { editConfiguration } from "#adapters/config-files/edit.ts";
import { interpret } from "#adapters/config-files/interpret.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { reading } from "../support/config-reading.ts";

const dialects = fc.constantFrom("portwright" as const, "localport" as const);
const canary = "canary-5f1c";

const valid = `version: "1.0"
defaults: &d
  health_check: {type: http, interval: 10s, config: {path: /up, headers: {Authorization: "Bearer \${env:TOKEN}"}}}
services:
  - name: db
    technology: kubernetes
    local_port: 5432
    remote_port: 5432
    connection: {context: staging, namespace: data, resource_name: postgres}
    health_check: {type: postgres, config: {database: app, password: "\${env:DB_PASSWORD}"}}
    exports: {URL: "postgres://app@\${host}:\${port}/app"}
  - name: cache
    technology: ssh
    local_port: \${env:PORT:6379}
    remote_port: 6379
    connection: {host: bastion, password: 0123, remote_host: cache}
    depends_on: [db]
    tags: [a, b]
    restart_policy: {max_attempts: 3}
environments:
  - {name: dev, services: [db, cache], default: true}
`;

/** What must hold of any text: an answer, soon, with places inside the text and small harmless problems. */
function expectSound(text: string, dialect: "portwright" | "localport"): void {
  const startedMs = performance.now();
  const result = interpret("/w/x.yaml", text, dialect, (name) => (name === "SECRET" ? canary : undefined));
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  const problems = result.ok ? result.configuration.warnings : result.problems;
  expect(result.ok || problems.some(({ severity }) => severity === "error")).toBe(true);
  const lines = text.split("\n").length;
  for (const problem of problems) {
    expect(problem.line).toBeGreaterThanOrEqual(1);
    expect(problem.line).toBeLessThanOrEqual(lines + 1);
    expect(problem.column).toBeGreaterThanOrEqual(1);
    expect(problem.message.length).toBeLessThan(2000);
    expect((problem.text ?? "").length).toBeLessThan(100);
  }
  expect(JSON.stringify(problems)).not.toContain(canary);
}

/** Random pieces put in place of random parts. */
const edits = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(12),
    put: fc.oneof(
      fc.string({ maxLength: 8, unit: "binary" }),
      fc.constantFrom(
        "\n",
        "  ",
        "- ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "*d",
        "<<: ",
        "? ",
        "|\n",
        ">-\n",
        "#",
        "'",
        '"',
        "!!int ",
        "---\n",
        "\t",
        "${",
        "${env:SECRET}",
        "${SECRET}",
        "${SECRET:x",
        "null",
        "~",
        "on",
        "0x1F",
        "\u2028",
        "\uFEFF",
        "\uE000",
        "__proto__: ",
        "constructor: ",
      ),
    ),
  }),
  { minLength: 1, maxLength: 12 },
);

const applied = (text: string, changes: readonly { at: number; cut: number; put: string }[]): string =>
  changes.reduce((text, { at, cut, put }) => {
    const offset = Math.floor(at * text.length);
    return text.slice(0, offset) + put + text.slice(offset + cut);
  }, text);

/** Whether an edit ends in a text, or in an error of ours. */
function editedOrRefused(text: string, dialect: "portwright" | "localport"): boolean {
  try {
    const change = { op: "set", list: "services", name: "cache", path: ["local_port"], value: 1 } as const;
    return typeof editConfiguration(text, [change], dialect) === "string";
  } catch (thrown) {
    if (thrown instanceof ConnectivityError) return true;
    throw thrown;
  }
}

describe("the reader", () => {
  test("[config-bounds] answers to any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), dialects, (text, dialect) =>
        expectSound(text, dialect),
      ),
      { numRuns: 400 },
    );
  });
  test("answers to any bytes that are text", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), dialects, (bytes, dialect) =>
        expectSound(Buffer.from(bytes).toString("latin1"), dialect),
      ),
      { numRuns: 400 },
    );
  });
  test("answers to any YAML", () => {
    const key = fc.oneof(
      fc.constantFrom(
        "services",
        "name",
        "technology",
        "connection",
        "health_check",
        "config",
        "defaults",
        "environments",
        "type",
        "tags",
        "depends_on",
        "exports",
        "<<",
        "cluster_contexts",
        "cluster_health",
        "_metadata",
        "version",
        "local_port",
        "__proto__",
        "constructor",
        "toString",
      ),
      fc.string({ maxLength: 6 }),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.oneof(
          fc.string({ maxLength: 10 }),
          fc.integer(),
          fc.boolean(),
          fc.double(),
          fc.constantFrom(
            null,
            "ssh",
            "kubernetes",
            "kubectl",
            "proxy",
            "http",
            "${env:SECRET}",
            "${SECRET}",
            "${env:NOPE}",
          ),
        ),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.array(fc.tuple(key, tie("tree")), { maxLength: 6 }).map((entries) => new Map(entries)),
      ),
    }));
    fc.assert(
      fc.property(tree, tree, dialects, (services, defaults, dialect) => {
        expectSound(
          stringify(
            new Map<string, unknown>([
              ["services", services],
              ["defaults", defaults],
            ]),
          ),
          dialect,
        );
        expectSound(
          stringify(
            new Map<string, unknown>([
              ["services", [services, defaults]],
              ["environments", [defaults]],
            ]),
          ),
          dialect,
        );
      }),
      { numRuns: 300 },
    );
  });
  test("answers to any change of a valid file, and so does the editor", () => {
    expect(reading(valid)).toMatchObject({ ok: true });
    fc.assert(
      fc.property(edits, dialects, (changes, dialect) => {
        const text = applied(valid, changes);
        expectSound(text, dialect);
        expect(editedOrRefused(text, dialect)).toBe(true);
      }),
      { numRuns: Number(process.env["CONFIG_FUZZ_RUNS"] ?? 600) },
    );
  });
});
