import { describe, expect, test } from "vitest";
import { configurationOf, problemsIn, reading, shortProblems } from "../support/config-reading.ts";

const ssh = (name: string, more = ""): string =>
  `  - name: ${name}\n    technology: ssh\n    remote_port: 80\n    connection: {host: bastion}\n${more}`;

describe("everything that is wrong is said at once", () => {
  const text = `version: "1.0"
services:
  - name: db
    technology: kubernets
    remote_port: 65536
    conection: {}
    connection: {namspace: data, resource_type: servce, resource_name: postgres}
    health_check: {type: postgress, config: {pasword: hunter2}}
    exports: {bad-name: x}
  - name: cache
    technology: ssh
    local_port: http
    remote_port: 0
    connection: {host: x}
    depends_on: [chache, web]
    enabled: yes
  - 17
  - name: web
    technology: ssh
    remote_port: 80
    connection: {host: x}
    depends_on: [cache]
    tags: frontend
environments:
  - {name: dev, services: [dbb, cache], default: true}
  - {name: dev, servces: [], default: true}
`;
  test("[config-problems] with line, column, path and the nearest valid name", () => {
    expect(shortProblems(text)).toEqual([
      "error 4:17 config_invalid services[0].technology (kubernetes)",
      "error 5:18 config_invalid services[0].remote_port",
      "error 6:5 config_invalid services[0].conection (connection)",
      "error 7:18 config_invalid services[0].connection.namspace (namespace)",
      "error 7:49 config_invalid services[0].connection.resource_type (service)",
      "error 8:26 config_invalid services[0].health_check.type (postgres)",
      "error 8:46 config_invalid services[0].health_check.config.pasword (password)",
      "error 9:15 config_invalid services[0].exports.bad-name",
      "error 12:17 config_invalid services[1].local_port",
      "error 13:18 config_invalid services[1].remote_port",
      "error 15:5 dependency_cycle services[1].depends_on",
      "error 15:18 unknown_service services[1].depends_on[0] (cache)",
      "error 16:14 config_invalid services[1].enabled",
      "error 17:5 config_invalid services[2]",
      "error 23:11 config_invalid services[3].tags",
      "error 25:28 unknown_service environments[0].services[0] (db)",
      "error 26:12 config_invalid environments[1].name",
      "error 26:17 config_invalid environments[1].servces (services)",
      "error 26:39 config_invalid environments[1].default",
      "warning 16:14 config_invalid services[1].enabled",
    ]);
  });
  test("never with the value of a credential", () => {
    expect(JSON.stringify(problemsIn(text))).not.toContain("hunter2");
  });
});

describe("one problem, one sentence that says what to write", () => {
  const service = (line: string): string =>
    `services:\n  - name: a\n    technology: ssh\n    remote_port: 80\n    connection: {host: x}\n    ${line}\n`;
  test.each([
    [service("local_port: http"), "local_port must be a port: a whole number from 1 to 65535, or 0 for any free one"],
    [service("local_port: 1.5"), "local_port must be a port: a whole number from 1 to 65535, or 0 for any free one"],
    [service("enabled: maybe"), "enabled must be true or false"],
    [service("description: [a]"), "description must be text"],
    [service("depends_on: a b"), "depends_on must be a list"],
    [
      service("listen: 0.0.0.0"),
      "listen must be one of 127.0.0.1, ::1, localhost, or the path of a Unix socket (/run/db.sock, ~/db.sock)",
    ],
    [service("health_check: {type: http, config: {path: healthz}}"), "path must start with /"],
    [
      service("health_check: {type: http, config: {url: 'not an address'}}"),
      "url must be an address such as http://localhost:8080/health",
    ],
    [
      service("health_check: {interval: 7 days}"),
      "interval is not valid: expected a number of seconds, or a duration such as 30s, 500ms or 2m",
    ],
    [service("health_check: {interval: 0.1}"), "interval is not valid: expected between 1 s and 3600 s"],
    [service("health_check:"), "health_check must be a map of keys and values"],
    [service("waiting_room: {connections: -1}"), "connections must be at least 0"],
    [service("tags: ['']"), "an entry of tags must not be empty"],
    [
      service("health_check: {type: http, config: {expected_status_codes: []}}"),
      "expected_status_codes needs at least 1 entry",
    ],
    [service("<<: {enabled: false}"), "<< (merge) is not part of YAML 1.2; write the keys, or put them under defaults"],
    [service("name: b"), "this key comes twice; keep one"],
    [service("description: !secret x"), "a tag (!name) has no meaning in a configuration; remove it"],
    [service("? [a, b]\n    : c"), "a key must be plain text"],
    [
      "services:\n  - name: a\n    technology: ssh\n    remote_port: 80\n",
      "connection is missing; it must be a map of keys and values",
    ],
    [
      "services:\n  - name: a b\n    technology: ssh\n    remote_port: 80\n    connection: {host: x}",
      "name is not valid: expected letters, digits, - and _ (at most 63), starting with a letter or a digit",
    ],
    [
      "services:\n  - technology: ssh\n    remote_port: 80\n    connection: {host: x}",
      "name is missing; it must be text",
    ],
    ["services: {a: {}}", 'services must be a list: each entry begins with "- name:"'],
    ["access: {read_only: true}", "access is not built yet and would not be enforced; remove it"],
    ["- a\n- b", "a configuration is a map of keys and values, with services: and a list of them"],
    ["", "the file is empty; declare services: with a list of them"],
    ["# nothing\n---\n", "the file is empty; declare services: with a list of them"],
    [
      "a: 1\n---\nb: 2\n",
      "not valid YAML: a second document begins here; keep one per file, without the --- line between them",
    ],
    [
      "services: [",
      "not valid YAML: something is missing here: a closing quote or bracket, a comma, or a space after a colon or a dash",
    ],
    ["services:\n\t- name: a", "not valid YAML: a tab indents this line; YAML wants spaces"],
    ["a: {b: ${env:C}}", expect.stringContaining('put "${…}" in quotes')],
    ["a: \u0001", "a control character stands here; remove it"],
    ["services: *nowhere", "there is no anchor of this name before it"],
    ["services: &a [*a]", "the anchor holds itself, without end"],
    ["services: &a {b: {c: *a}}", "the anchor holds itself, without end"],
  ])("%j", (text, message) => {
    const result = reading(text);
    expect(result.ok).toBe(false);
    const errors = problemsIn(text).filter(({ severity }) => severity === "error");
    expect(errors.map((problem) => problem.message)).toContainEqual(message);
  });
});

describe("names", () => {
  test.each(["my db", "my.db", "-db", "ä", "a".repeat(64), "db!"])(
    "%j is refused, and a warning in LocalPort's files",
    (name) => {
      const text = `services:\n  - name: ${JSON.stringify(name)}\n    technology: ssh\n    local_port: 1\n    remote_port: 80\n    connection: {host: x}\n`;
      expect(reading(text).ok).toBe(false);
      const { services, warnings } = configurationOf(text, "localport");
      expect(services.map((service) => service.spec?.name)).toEqual([name]);
      expect(warnings.map((warning) => warning.path)).toContain("services[0].name");
    },
  );
});

test("a name of blanks alone is refused in either format", () => {
  const text = "services:\n  - {name: ' ', technology: ssh, local_port: 1, remote_port: 80, connection: {host: x}}\n";
  expect(reading(text).ok).toBe(false);
  expect(reading(text, "localport").ok).toBe(false);
});

describe("services among each other", () => {
  test("a cycle is named as a path, also one of one service", () => {
    const text = `services:\n${ssh("a", "    depends_on: [b]\n")}${ssh("b", "    depends_on: [c]\n")}${ssh("c", "    depends_on: [a]\n")}${ssh("d", "    depends_on: [d]\n")}`;
    expect(problemsIn(text).map(({ code, message }) => [code, message])).toEqual([
      ["dependency_cycle", "these services wait for each other: a → b → c → a; remove one depends_on"],
      ["dependency_cycle", "these services wait for each other: d → d; remove one depends_on"],
    ]);
  });
  test("a local port is wanted once, by enabled services, on one address", () => {
    const port = (more = ""): string => `    local_port: 5432\n${more}`;
    const text = `services:\n${ssh("a", port())}${ssh("b", port("    enabled: false\n"))}${ssh("c", port("    listen: ::1\n"))}${ssh("d", port())}${ssh("e", "    local_port: 0\n")}${ssh("f")}`;
    expect(problemsIn(text)).toEqual([
      expect.objectContaining({
        code: "duplicate_local_port",
        severity: "error",
        path: "services[3].local_port",
        text: "5432",
        message: expect.stringContaining("belongs to a (line 2)"),
      }),
    ]);
    expect(problemsIn(text, "localport").filter(({ code }) => code === "duplicate_local_port")).toMatchObject([
      { severity: "warning" },
    ]);
  });
  test("two services of one name: refused, in LocalPort's files the second gets its own", () => {
    const text = `services:\n${ssh("a", "    local_port: 1\n")}${ssh("a", "    local_port: 2\n")}`;
    expect(shortProblems(text)).toEqual(["error 7:11 config_invalid services[1].name"]);
    const { services, environments } = configurationOf(text, "localport");
    expect(services.map(({ name, spec }) => [name, spec?.name])).toEqual([
      ["a", "a"],
      ["a-2", "a-2"],
    ]);
    expect(environments[0]?.services).toEqual(["a", "a-2"]);
  });
});

describe("environments", () => {
  const services = `services:\n${ssh("a", "    tags: [web, production]\n")}${ssh("b", "    enabled: false\n    tags: [web]\n")}${ssh("c", "    tags: [data]\n")}`;
  test("without any there is one, default, and each tag is one", () => {
    expect(configurationOf(services).environments).toEqual([
      { name: "default", services: ["a", "c"], tags: [], default: true, production: false },
      { name: "web", services: ["a"], tags: ["web"], default: false, production: false },
      { name: "production", services: ["a"], tags: ["production"], default: false, production: true },
      { name: "data", services: ["c"], tags: ["data"], default: false, production: false },
    ]);
  });
  test("declared ones come first, with tagged services after named ones; disabled ones are left out and said", () => {
    const text = `${services}environments:\n  - {name: web, services: [c, b], tags: [web], production: true}\n  - {name: none, tags: [nobody]}\n`;
    const { environments, warnings } = configurationOf(text);
    expect(environments.map(({ name, services }) => [name, services])).toEqual([
      ["web", ["c", "a"]],
      ["none", []],
      ["production", ["a"]],
      ["data", ["c"]],
    ]);
    expect(environments[0]?.production).toBe(true);
    expect(warnings.map(({ path }) => path)).toEqual(["environments[0].services[1]", "environments[1].tags"]);
  });
});

describe("what is not built yet is said, not ignored", () => {
  const kubernetes = "technology: kubernetes\n    remote_port: 80\n    connection: {resource_name: x}";
  test.each([["technology: proxy\n    routes: [{match: {path: /}}]", "reverse proxy"]])(
    "%j fails alone",
    (lines, word) => {
      const { services, warnings } = configurationOf(
        `services:\n  - name: a\n    ${lines}\n  - name: b\n    ${kubernetes}\n`,
      );
      expect(services.map(({ failure }) => failure?.code)).toEqual(["not_supported", undefined]);
      expect(services[0]?.failure?.message).toContain(word);
      expect(warnings.map(({ code }) => code)).toEqual(["not_supported"]);
    },
  );
  test("balance on an SSH forward is a warning alone", () => {
    const { services, warnings } = configurationOf(
      `services:\n  - name: b\n    technology: ssh\n    remote_port: 80\n    connection: {host: x}\n    balance: round_robin\n`,
    );
    expect(services[0]?.spec).toMatchObject({ balance: "round_robin" });
    expect(warnings.map(({ code }) => code)).toEqual(["not_supported"]);
  });
  test.each(["replicaset", "daemonset", "job"])("a %s is a target", (kind) => {
    const text = `services:\n  - name: b\n    technology: kubernetes\n    remote_port: http\n    connection: {resource_name: x, resource_type: ${kind}}\n`;
    expect(configurationOf(text).services[0]?.spec).toMatchObject({
      remotePort: "http",
      connection: { resourceType: kind },
    });
  });
});

describe("bounds", () => {
  const quick = (text: string, dialect: "portwright" | "localport" = "portwright"): readonly string[] => {
    const startedMs = performance.now();
    const problems = problemsIn(text, dialect).map(({ message }) => message);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    return problems;
  };
  test("[config-bounds] aliases that multiply are refused", () => {
    const levels = Array.from({ length: 20 }, (_, level) => `a${level}: &a${level} [${`*a${level - 1},`.repeat(10)}]`);
    const bomb = `base: &a-1 [x]\n${levels.join("\n")}\nservices: []\n`.replaceAll("a-1", "ab").replace("*ab", "*ab");
    expect(quick(bomb)).toContain("aliases repeat more than 20000 values; write the values, or use defaults");
    expect(quick(bomb.replaceAll(/: &(a\d+) \[/g, ": &$1 ["), "localport")).toContain(
      "aliases repeat more than 20000 values; write the values, or use defaults",
    );
  });
  test("merges that multiply are refused", () => {
    const levels = Array.from(
      { length: 25 },
      (_, level) =>
        `m${level}: &m${level}\n  <<: [${level > 0 ? `*m${level - 1}, *m${level - 1}` : "{a: 1, b: 2}"}]\n  k${level}: 1`,
    );
    expect(quick(levels.join("\n"), "localport")).toContain(
      "aliases repeat more than 20000 values; write the values, or use defaults",
    );
  });
  test.each([
    ["[".repeat(900_000)],
    ["- ".repeat(400_000)],
    ["? ".repeat(400_000)],
    ["]".repeat(900_000)],
    ["&a ".repeat(300_000)],
    ['"'.repeat(900_000)],
    ["a: ".repeat(300_000)],
    ["---\n".repeat(200_000)],
    [Array.from({ length: 1300 }, (_, indent) => `${" ".repeat(indent)}a:\n`).join("")],
    [Array.from({ length: 90_000 }, (_, index) => `k${index}: 1\n`).join("")],
    [`services:\n${"  - {}\n".repeat(20_000)}`],
    [
      `services:\n${Array.from({ length: 3000 }, (_, index) => `  - {name: s${index}, technology: ssh, depends_on: [s${(index + 1) % 3000}]}\n`).join("")}`,
    ],
    ["${".repeat(400_000)],
    ["a: ${b:".repeat(100_000)],
  ])("a hostile text ends soon (%#)", (text) => {
    expect(quick(text).length).toBeGreaterThan(0);
    expect(quick(text, "localport").length).toBeGreaterThan(0);
  });
});
