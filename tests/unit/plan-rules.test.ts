/** The pure rules of plans: what differs, what it does to what runs, how far it reaches, what a tool may set. */
import { describe, expect, test } from "vitest";
import { rawConfiguration } from "#adapters/config-files/raw.ts";
import { createConfigEditor } from "#adapters/config-files/editor.ts";
import { diffConfigurations } from "#domain/plan/configuration-diff.ts";
import { impactOf, needsNewLink, planSteps, type Running } from "#domain/plan/impact.ts";
import { editsOf, removalOf } from "#domain/plan/operation.ts";
import { confirmSentence, listed, planStem, planSummary } from "#domain/plan/plan-words.ts";
import { sameValue } from "#domain/plan/raw-configuration.ts";
import { assessPlan, restrictionsOf } from "#domain/plan/risk.ts";
import { targetKeys } from "#domain/plan/target.ts";
import { checkToolValues } from "#domain/plan/tool-policy.ts";
import { trustKeysOf, trustText } from "#domain/plan/trust-keys.ts";
import type { Configuration } from "#domain/spec/configuration.ts";

const editor = createConfigEditor();
const raw = (text: string) => rawConfiguration(text, "portwright");
const read = async (text: string): Promise<Configuration> => {
  const reading = await editor.interpret("/w/portwright.yaml", text, () => undefined);
  if (!reading.ok) throw new TypeError(JSON.stringify(reading.problems));
  return reading.configuration;
};
const file = (services: readonly string[], rest = ""): string =>
  `services:\n${services.map((service) => `  - ${service}\n`).join("")}${rest}`;
const ssh = (name: string, keys = ""): string =>
  `{name: ${name}, technology: ssh, remote_port: 1${keys === "" ? "" : `, ${keys}`}, connection: {host: h}}`;
const runs =
  (wanted: readonly string[], more: Partial<Running> = {}) =>
  (name: string): Running => ({
    wanted: wanted.includes(name),
    connections: 2,
    otherClients: [],
    ...more,
  });

describe("[plan-apply] what differs", () => {
  test("is told by name and key; order and comments do not count", () => {
    const before = raw(file([ssh("a"), ssh("b"), ssh("c")], "environments:\n  - {name: dev, services: [a]}\n"));
    const after = raw(
      file(
        [ssh("c"), ssh("a", "tags: [x]").replace("host: h", "host: other"), ssh("d")],
        "# a comment\nenvironments:\n  - {name: dev, services: [a, d]}\ndefaults: {restart_policy: {enabled: false}}\n",
      ),
    );
    expect(diffConfigurations(before, after).map(({ id, op, keys }) => [id, op, keys])).toEqual([
      ["a", "change", ["connection.host", "tags"]],
      ["d", "add", ["name", "technology", "remote_port", "connection"]],
      ["b", "remove", ["name", "technology", "remote_port", "connection"]],
      ["env:dev", "change", ["services"]],
      ["file", "change", ["defaults"]],
    ]);
    expect(diffConfigurations(before, before)).toEqual([]);
  });
  test("values are compared whatever the order of their keys", () => {
    expect(sameValue({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1, d: undefined })).toBe(true);
    expect(sameValue([1, 2], [2, 1])).toBe(false);
    expect(sameValue({ a: 1 }, [1])).toBe(false);
    expect(sameValue(null, {})).toBe(false);
  });
});

describe("[plan-apply] impact", () => {
  test("only what leads elsewhere is made anew", async () => {
    const before = await read(file([ssh("a"), ssh("b"), ssh("c"), ssh("d"), ssh("off", "enabled: false")]));
    const after = await read(
      file([
        ssh("a", 'tags: [x], description: d, exports: {A: "${port}"}'),
        ssh("b", "local_port: 7000"),
        ssh("d", "enabled: false"),
        ssh("new"),
        ssh("off"),
      ]),
    );
    const running = runs(["a", "b", "c", "d", "off"], { otherClients: ["vscode"] });
    expect([...planSteps(before, after, running, ["new"])]).toEqual([
      ["a", "untouched"],
      ["b", "restart"],
      ["c", "stop"],
      ["d", "stop"],
      ["off", "start"],
      ["new", "start"],
    ]);
    expect(impactOf(before, after, running, ["new"])).toEqual({
      starts: ["off", "new"],
      restarts: ["b"],
      stops: ["c", "d"],
      untouched: 1,
      breaks_connections: 6,
      other_clients: ["vscode"],
      env: ["+A"],
    });
    // A way through a service that moved is another way.
    const through = await read(file([ssh("hop"), ssh("far", "via: [hop]"), ssh("farther", "via: [far]"), ssh("x")]));
    const hopped = await read(
      file([ssh("hop", "local_port: 7001"), ssh("far", "via: [hop]"), ssh("farther", "via: [far]"), ssh("x")]),
    );
    const all = runs(["hop", "far", "farther", "x"]);
    expect(impactOf(through, hopped, all, [])).toMatchObject({ restarts: ["hop", "far", "farther"], untouched: 1 });
    const [a, b] = [before.services[0]?.spec, after.services[0]?.spec];
    expect(a && b && needsNewLink(a, b)).toBe(false);
  });
});

describe("[plan-approve] risk", () => {
  const assess = async (before: string, after: string, untrusted = false): Promise<string[]> => {
    const [old, now] = [raw(before), raw(after)];
    const configurations = [await read(before), await read(after)];
    return restrictionsOf({ changes: diffConfigurations(old, now), after: now, configurations, untrusted });
  };
  const live = "environments:\n  - {name: live, services: [a], production: true}\n  - {name: dev, services: [b]}\n";
  test("what touches production, programs or host keys is restricted; the rest is not", async () => {
    const before = file([ssh("a"), ssh("b")], live);
    expect(await assess(before, file([ssh("a", "tags: [x]"), ssh("b")], live))).toEqual([
      "it touches a of an environment marked production",
    ]);
    expect(await assess(before, file([ssh("a"), ssh("b", "tags: [x]")], live))).toEqual([]);
    expect(await assess(before, file([ssh("a"), ssh("b")], live.replace("[a]", "[a, b]")))).toHaveLength(1);
    expect(await assess(before, file([ssh("a"), ssh("b")], live.replace(", production: true", "")))).toHaveLength(1);
    const known = ssh("b").replace("host: h", "host: h, known_hosts_file: /tmp/k");
    expect(await assess(before, file([ssh("a"), known], live))).toEqual(["b would trust other host keys"]);
    expect(await assess(before, before, true)).toEqual(["it changes keys that run programs or read secrets"]);
  });
  test("listening or leading beyond this machine is restricted, in the text as it is written", () => {
    const after = raw(
      file(["{name: p, technology: proxy, listen: 0.0.0.0, routes: [{upstreams: [{url: 'http://evil.example'}]}]}"]),
    );
    const changes = [{ id: "p", op: "add" as const, service: "p", keys: ["listen", "routes"] }];
    expect(restrictionsOf({ changes, after, configurations: [], untrusted: false })).toEqual([
      "p would listen beyond this machine",
      "p would lead outside this machine",
    ]);
  });
  test("a tool's change that costs something is to be looked at", async () => {
    const text = file([ssh("a")]);
    const now = file([ssh("a").replace("host: h", "host: i")]);
    const change = {
      changes: diffConfigurations(raw(text), raw(now)),
      after: raw(now),
      configurations: [await read(text), await read(now)],
      untrusted: false,
    };
    const impact = impactOf(await read(text), await read(now), runs(["a"]), []);
    expect(assessPlan(change, impact)).toMatchObject({ risk: "review" });
    expect(assessPlan(change, { ...impact, other_clients: ["vscode"] })).toMatchObject({ risk: "restricted" });
    expect(assessPlan({ ...change, changes: [] }, { ...impact, restarts: [] })).toEqual({ risk: "low", reasons: [] });
  });
});

describe("[plan-trust] keys that want trust", () => {
  test("are found wherever they stand, and bound to their service's target", () => {
    const text = file(
      [
        '{name: a, technology: ssh, remote_port: 1, connection: {host: h, password: "${file:~/pw}", proxy_command: nc x}}',
        "{name: b, technology: ssh, remote_port: 1, connection: {host: h}, health_check: {type: command, config: {command: [x]}}}",
        '{name: c, technology: ssh, remote_port: 1, connection: {host: h, password: "${env:PW}"}, exports: {command: x}}',
      ],
      'defaults: {health_check: {type: http, config: {headers: {A: "${command:pass x}"}}}}\n',
    );
    expect(trustKeysOf(raw(text)).map(({ where, path }) => `${where} ${path}`)).toEqual([
      "a connection.password",
      "a connection.proxy_command",
      "b health_check",
      "defaults health_check.config.headers.A",
    ]);
    expect(trustText(raw(text))).not.toBe(trustText(raw(text.replace("host: h", "host: evil"))));
    expect(trustText(raw(text))).toBe(trustText(raw(text.replace("exports: {command: x}", "tags: [x]"))));
    expect(trustText(raw(file([ssh("a")])))).toBe("");
  });
});

describe("[plan-policy] what a tool may set", () => {
  test.each([
    [{ connection: { passphrase: "x" } }],
    [{ health_check: { config: { headers: { Authorization: "Bearer abc" } } } }],
    [{ health_check: { config: { url: "http://u:p@h" } } }],
    [{ exports: { A: "${file:x}" } }],
    [{ tags: ["${env:X}"] }],
  ])("%j is refused", (set) => {
    expect(() => checkToolValues("a", set)).toThrow(expect.objectContaining({ code: "refused_by_policy" }));
  });
  test("references in credential fields, and what holds none, are fine", () => {
    checkToolValues("a", {
      connection: { host: "h", password: "${env:PW}", key_file: "~/.ssh/id" },
      health_check: { config: { headers: { Authorization: "Bearer ${env:TOKEN}", Accept: "text/plain" } } },
      exports: { URL: "redis://${host}:${port}", command: "x" },
    });
    expect(true).toBe(true);
  });
});

describe("operations", () => {
  const text = file(
    [ssh("a", "tags: [x], waiting_room: {timeout: 1s}"), ssh("b", "depends_on: [a, c]"), ssh("c", "depends_on: [a]")],
    "environments:\n  - {name: dev, services: [a, b]}\n",
  );
  test("a patch is a merge patch", () => {
    const set = {
      tags: null,
      missing: null,
      waiting_room: { timeout: "2s" },
      connection: null,
      exports: { A: "1", B: null },
    };
    expect(editsOf({ kind: "patch", list: "services", name: "a", set }, raw(text))).toEqual([
      { op: "unset", list: "services", name: "a", path: ["tags"] },
      { op: "set", list: "services", name: "a", path: ["waiting_room", "timeout"], value: "2s" },
      { op: "unset", list: "services", name: "a", path: ["connection"] },
      { op: "set", list: "services", name: "a", path: ["exports"], value: { A: "1" } },
    ]);
  });
  test("[plan-remove] a removal mends what names it, and refuses where a way leads through it", async () => {
    const changes = removalOf("a", raw(text));
    expect(changes.map(({ id }) => id)).toEqual(["a", "b", "c", "env:dev"]);
    let now = text;
    for (const operation of changes.flatMap(({ operations }) => operations)) {
      now = await editor.edit("/w/portwright.yaml", now, editsOf(operation, raw(now)));
    }
    expect(raw(now).services.get("b")?.["depends_on"]).toEqual(["c"]);
    expect(raw(now).services.get("c")).not.toHaveProperty("depends_on");
    expect(raw(now).environments.get("dev")?.["services"]).toEqual(["b"]);
    const through = raw(file([ssh("a"), ssh("b", "via: [a]")]));
    expect(() => removalOf("a", through)).toThrow(expect.objectContaining({ code: "invalid_arguments" }));
    expect(editsOf({ kind: "drop_member", environment: "dev", service: "zz" }, raw(text))).toEqual([]);
    expect(editsOf({ kind: "drop_dependency", service: "a", dependency: "zz" }, raw(text))).toEqual([]);
    expect(editsOf({ kind: "add_member", environment: "dev", service: "a" }, raw(text))).toEqual([]);
  });
});

describe("words", () => {
  const nothing = {
    starts: [],
    restarts: [],
    stops: [],
    untouched: 0,
    breaks_connections: 0,
    other_clients: [],
    env: [],
  };
  const words = (changes: Parameters<typeof confirmSentence>[0]["changes"], impact = {}) => ({
    changes,
    impact: { ...nothing, ...impact },
    route: (name: string) => (name === "redis" ? "127.0.0.1:6379 → staging/data/service/redis:6379" : undefined),
    joins: () => ["dev"],
  });
  test("the sentence says what, and what it costs", () => {
    const add = { id: "redis", op: "add" as const, service: "redis", keys: [] };
    const env = { id: "env:dev", op: "change" as const, environment: "dev", keys: ["services"] };
    expect(confirmSentence(words([add, env]))).toBe(
      "Add redis: 127.0.0.1:6379 → staging/data/service/redis:6379, in dev. Restarts nothing.",
    );
    expect(planSummary(words([add, env]))).toContain("Nothing that runs is touched.");
    const more = words(
      [
        { id: "a", op: "change", service: "a", keys: ["remote_port"] },
        { id: "b", op: "remove", service: "b", keys: [] },
      ],
      { restarts: ["a"], stops: ["b"], breaks_connections: 1, untouched: 3 },
    );
    expect(confirmSentence(more)).toBe(
      "Change a (remote_port); remove b. Restarts a, stops b, breaks 1 open connection.",
    );
    expect(planSummary(more)).toContain("3 other running services keep their connections.");
    expect(confirmSentence({ ...more, title: "Go back to generation 3" })).toMatch(
      /^Go back to generation 3: change a/,
    );
    expect(confirmSentence({ ...words([]), title: "Go back to generation 3" })).toBe(
      "Go back to generation 3. Restarts nothing.",
    );
    expect(confirmSentence(words([{ id: "file", op: "change", keys: ["defaults"] }]))).toContain(
      "the file's other keys (defaults)",
    );
    expect(planStem([add])).toBe("add-redis");
    expect(planStem([], "Go back to generation 3")).toBe("go-back-to-generation-3");
    expect(listed(["a", "b", "c", "d", "e", "f", "g"])).toBe("a, b, c, d, e and 2 more");
  });
  test("a target as discover_targets names it", () => {
    expect(targetKeys("staging/data/service/redis:6379")).toMatchObject({
      technology: "kubernetes",
      remote_port: 6379,
      connection: { context: "staging", namespace: "data", resource_name: "redis" },
      health_check: { type: "redis" },
    });
    expect(targetKeys("ssh/bastion:5432")).toMatchObject({
      technology: "ssh",
      remote_port: 5432,
      connection: { host: "bastion" },
    });
    for (const wrong of ["redis", "compose/db:1", "a/b/service/c", "ssh/bastion"]) {
      expect(() => targetKeys(wrong)).toThrow(expect.objectContaining({ code: "invalid_arguments" }));
    }
  });
});
