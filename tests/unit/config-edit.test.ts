import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { editConfiguration } from "#adapters/config-files/edit.ts";
import type { ConfigEdit } from "#domain/plan/config-edit.ts";
import { configurationOf, reading } from "../support/config-reading.ts";

const text = `# The shop's connections
version: "1.0"   # the format

services:
  # The database
  - name: db
    technology: kubernetes
    local_port:   5432   # as in production
    remote_port: 5432
    connection: { context: staging, resource_name: postgres }  # small

    # How it is verified
    health_check:
      type: postgres
      interval: 30
    # a last word on db

  # The cache, behind the bastion
  - name: cache
    technology: ssh
    remote_port: 6379
    connection: {host: bastion}
    tags: [a, 'b']

  - name: web
    technology: ssh
    remote_port: 80
    connection: {host: bastion}
    depends_on: [cache]

# Sets
environments:
  - {name: dev, services: [db, cache], default: true}   # mine
# the end
`;

const edit = (...edits: ConfigEdit[]): string => editConfiguration(text, edits, "portwright");
const set = (name: string, path: (string | number)[], value: unknown): ConfigEdit => ({
  op: "set",
  list: "services",
  name,
  path,
  value,
});
const unset = (name: string, path: string[]): ConfigEdit => ({ op: "unset", list: "services", name, path });

/** Lines that are in one text alone: `-` of the old, `+` of the new. */
function changes(before: string, after: string): string[] {
  const old = before.split("\n");
  const now = after.split("\n");
  const gone = old.filter((line) => !now.includes(line)).map((line) => `-${line}`);
  return [...gone, ...now.filter((line) => !old.includes(line)).map((line) => `+${line}`)];
}

describe("one change touches its own lines alone", () => {
  test.each<[string, ConfigEdit, string[]]>([
    [
      "a scalar",
      set("db", ["local_port"], 15_432),
      ["-    local_port:   5432   # as in production", "+    local_port:   15432   # as in production"],
    ],
    [
      "a scalar in braces",
      set("db", ["connection", "context"], "prod"),
      [
        "-    connection: { context: staging, resource_name: postgres }  # small",
        "+    connection: { context: prod, resource_name: postgres }  # small",
      ],
    ],
    [
      "text that is something else in YAML 1.1",
      set("db", ["connection", "context"], "on"),
      [
        "-    connection: { context: staging, resource_name: postgres }  # small",
        '+    connection: { context: "on", resource_name: postgres }  # small',
      ],
    ],
    ["a new key", set("cache", ["local_port"], 0), ["+    local_port: 0"]],
    [
      "a new key in braces",
      set("cache", ["connection", "user"], "ada, [x]"),
      ["-    connection: {host: bastion}", '+    connection: {host: bastion, user: "ada, [x]"}'].slice(1),
    ],
    [
      "a new map",
      set("cache", ["health_check"], { type: "redis", interval: "5s" }),
      ["+      type: redis", "+      interval: 5s"],
    ],
    [
      "a key of a map that is not there yet",
      set("cache", ["restart_policy", "max_attempts"], 3),
      ["+    restart_policy:", "+      max_attempts: 3"],
    ],
    ["a key below", set("db", ["health_check", "interval"], 10), ["-      interval: 30", "+      interval: 10"]],
    [
      "a list",
      set("web", ["depends_on"], ["db", "cache"]),
      ["-    depends_on: [cache]", "+    depends_on: [ db, cache ]"],
    ],
    [
      "a map in place of a map",
      set("db", ["health_check"], { type: "tcp" }),
      ["-      type: postgres", "-      interval: 30", "+      type: tcp"],
    ],
    ["a key away", unset("db", ["remote_port"]), ["-    remote_port: 5432"]],
    [
      "a key with the comment above it",
      unset("db", ["health_check"]),
      ["-    # How it is verified", "-    health_check:", "-      type: postgres", "-      interval: 30"],
    ],
    [
      "a key out of braces",
      unset("db", ["connection", "context"]),
      [
        "-    connection: { context: staging, resource_name: postgres }  # small",
        "+    connection: { resource_name: postgres }  # small",
      ],
    ],
    ["the last key out of braces", unset("cache", ["connection", "host"]), ["+    connection: {}"]],
    ["a key that is not there", unset("cache", ["nothing"]), []],
    [
      "at the top",
      { op: "set", path: ["defaults", "health_check", "interval"], value: 5 },
      ["+defaults:", "+  health_check:", "+    interval: 5"],
    ],
    [
      "a service more",
      {
        op: "add",
        list: "services",
        value: { name: "new", technology: "ssh", remote_port: 1, connection: { host: "x" } },
      },
      ["+  - name: new", "+    remote_port: 1", "+    connection:", "+      host: x"],
    ],
    [
      "a service less, with its comment",
      { op: "remove", list: "services", name: "cache" },
      ["-  # The cache, behind the bastion", "-  - name: cache", "-    remote_port: 6379", "-    tags: [a, 'b']"],
    ],
    [
      "an environment more",
      { op: "add", list: "environments", value: { name: "all", services: ["web"] } },
      ["+  - name: all", "+    services:", "+      - web"],
    ],
    [
      "the only environment away",
      { op: "remove", list: "environments", name: "dev" },
      ["-environments:", "-  - {name: dev, services: [db, cache], default: true}   # mine", "+environments: []"],
    ],
  ])("%s", (_, change, expected) => {
    expect(changes(text, edit(change))).toEqual(expected);
  });
});

describe("every change", () => {
  test("[config-edits] keeps comments and order, and what it makes is valid", () => {
    const after = edit(
      set("db", ["local_port"], 1),
      set("web", ["health_check"], { type: "http", config: { path: "/up" } }),
      unset("cache", ["tags"]),
      {
        op: "add",
        list: "services",
        value: { name: "x", technology: "ssh", remote_port: 9, connection: { host: "h" } },
      },
      { op: "set", list: "environments", name: "dev", path: ["services"], value: ["db", "x"] },
    );
    const comments = (yaml: string) => yaml.match(/#.*$/gm);
    expect(comments(after)).toEqual(comments(text));
    const configuration = configurationOf(after);
    expect(configuration.services.map(({ name }) => name)).toEqual(["db", "cache", "web", "x"]);
    expect(configuration.environments[0]?.services).toEqual(["db", "x"]);
  });
  test("is the change of the data, whatever is set where", () => {
    const name = fc.constantFrom("db", "cache", "web");
    const key = fc.constantFrom(
      "local_port",
      "description",
      "tags",
      "connection",
      "health_check",
      "new key",
      "a: b",
      "on",
    );
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom(
        "on",
        "1.0",
        "x: y",
        "a, b]",
        "# no",
        "*a",
        "two\nlines",
        " lead",
        "${env:A}",
        "'",
        '"',
        "010",
        "~",
      ),
      fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "type"), fc.oneof(fc.string({ maxLength: 8 }), fc.integer()), {
        maxKeys: 3,
      }),
    );
    fc.assert(
      fc.property(name, fc.array(key, { minLength: 1, maxLength: 1 }), value, (service, path, wanted) => {
        const after = parse(edit(set(service, path, wanted))) as { services: Record<string, unknown>[] };
        const expected = parse(text) as typeof after;
        const changed = expected.services.find((candidate) => candidate["name"] === service);
        if (changed) changed[path[0] ?? ""] = wanted;
        expect(after).toEqual(expected);
        const without = parse(edit(set(service, path, wanted), unset(service, path))) as typeof after;
        delete changed?.[path[0] ?? ""];
        expect(without).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });
});

describe("LocalPort's files", () => {
  const localport =
    "services:\n  - name: a   # one\n    technology: kubectl\n    enabled: on\n    local_port: ${PORT:8080}\n    remote_port: 80\n    tags: [${TAG:x}]\n    connection: {resource_name: ${NAME}}\n";
  test("keep their variables, also where they are no YAML", () => {
    const after = editConfiguration(
      localport,
      [set("a", ["local_port"], 9090), set("a", ["enabled"], false)],
      "localport",
    );
    expect(after).toBe(localport.replace("${PORT:8080}", "9090").replace("on\n", "false\n"));
    expect(reading(after, "localport", { NAME: "x" }).ok).toBe(true);
  });
  test("also when the file is written anew", () => {
    const anchored = `${localport}    health_check: &x {type: http}\n`;
    const after = editConfiguration(anchored, [set("a", ["health_check"], { type: "tcp" })], "localport");
    expect(after).toContain("${PORT:8080}");
    expect(after).toContain("[ ${TAG:x} ]");
    expect(after).toContain("# one");
  });
});

describe("other places to begin", () => {
  const add: ConfigEdit = {
    op: "add",
    list: "services",
    value: { name: "a", technology: "ssh", remote_port: 1, connection: { host: "x" } },
  };
  test.each([
    ["# mine\n"],
    [""],
    ["version: '1.0'\n"],
    ["services: []\n"],
    ["services:\n"],
    ["services: [ ]   # none\n"],
    ["services: [{name: b, technology: ssh, remote_port: 1, connection: {host: x}}]\n"],
    ["{}\n"],
    ['{"services": []}'],
    ["services:\n- name: b\n  technology: ssh\n  remote_port: 1\n  connection: {host: x}"],
  ])("a service is added to %j", (before) => {
    const after = editConfiguration(before, [add], "portwright");
    expect(configurationOf(after).services.map(({ name }) => name)).toContain("a");
    expect(after.match(/#.*$/gm)).toEqual(before.match(/#.*$/gm));
    const back = editConfiguration(after, [{ op: "remove", list: "services", name: "a" }], "portwright");
    expect((parse(back) as { services: unknown[] }).services).toEqual(
      (parse(before) as { services?: unknown[] } | null)?.services ?? [],
    );
  });
  test.each<[ConfigEdit, string]>([
    [set("nobody", ["enabled"], true), "unknown_service"],
    [{ op: "remove", list: "environments", name: "nobody" }, "unknown_environment"],
    [set("db", [], 1), "invalid_arguments"],
    [set("db", ["remote_port", "x"], 1), "invalid_arguments"],
  ])("%j is refused", (change, code) => {
    expect(() => edit(change)).toThrow(expect.objectContaining({ code }));
  });
  test("a text that is no YAML is not changed", () => {
    expect(() => editConfiguration("a: [", [], "portwright")).not.toThrow();
    expect(() => editConfiguration("a: [", [add], "portwright")).toThrow(
      expect.objectContaining({ code: "config_invalid" }),
    );
  });
});
