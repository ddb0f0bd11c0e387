import { describe, expect, test } from "vitest";
import { typeYaml11, typeYaml12 } from "#adapters/config-files/scalar-types.ts";
import { configurationOf, problemsIn, shortProblems, specOf } from "../support/config-reading.ts";

const file = (lines: string, env: Readonly<Record<string, string>> = {}) => configurationOf(lines, "localport", env);
const kubectl = (more = "", name = "a"): string =>
  `services:\n  - name: ${name}\n    technology: kubectl\n    local_port: 8080\n    remote_port: 80\n    connection: {resource_name: web}\n${more}`;
const ssh = (connection: string, more = ""): string =>
  `services:\n  - name: a\n    technology: ssh\n    local_port: 8080\n    remote_port: 80\n    connection: {${connection}}\n${more}`;
const specIn = (text: string, env: Readonly<Record<string, string>> = {}) => specOf(text, "localport", env);

describe("YAML as PyYAML reads it", () => {
  test.each([
    ["on", true, "on"],
    ["Off", false, "Off"],
    ["yes", true, "yes"],
    ["NO", false, "NO"],
    ["y", "y", "y"],
    ["true", true, true],
    ["010", 8, 10],
    ["0o10", "0o10", 8],
    ["08", "08", 8],
    ["0x1F90", 8080, 8080],
    ["0b101", 5, "0b101"],
    ["22:22", 1342, "22:22"],
    ["22:99", "22:99", "22:99"],
    ["5_432", 5432, "5_432"],
    ["1e3", "1e3", 1000],
    ["1.0e+3", 1000, 1000],
    ["1.5", 1.5, 1.5],
    [".5", 0.5, 0.5],
    ["-.5", "-.5", -0.5],
    ["-7", -7, -7],
    ["+0x1f", 31, "+0x1f"],
    ["1:30.5", 90.5, "1:30.5"],
    [".inf", Infinity, Infinity],
    ["-.INF", -Infinity, -Infinity],
    ["~", null, null],
    ["", null, null],
    ["NULL", null, null],
    ["2024-01-01", "2024-01-01", "2024-01-01"],
    ["_", "_", "_"],
    ["0b_", "0b_", "0b_"],
    ["-", "-", "-"],
  ])("%j is %j, and %j by YAML 1.2", (text, yaml11, yaml12) => {
    expect(typeYaml11(text)).toBe(yaml11);
    expect(typeYaml12(text)).toBe(yaml12);
  });
  test("not a number", () => {
    expect(typeYaml11(".nan")).toBeNaN();
    expect(typeYaml12(".NaN")).toBeNaN();
  });
  test("merges: own keys win, of several maps the earlier; anchors under a key of their own are a warning", () => {
    const text = `x-a: &a {enabled: off, description: first}\nx-b: &b {description: second, tags: [t]}\n${kubectl("    <<: [*a, *b]\n    enabled: on\n")}`;
    expect(specIn(text)).toMatchObject({ enabled: true, description: "first", tags: ["t"] });
    expect(file(text).warnings.map(({ path }) => path)).toEqual(["version", "x-a", "x-b"]);
  });
  test("of a key that comes twice the last counts, with a warning", () => {
    expect(specIn(kubectl("    local_port: 9090\n")).localPort).toBe(9090);
    expect(shortProblems(kubectl("    local_port: 9090\n"), "localport")).toContain(
      "warning 7:5 config_invalid services[0].local_port",
    );
  });
  test("an empty file is no services, a byte order mark and JSON are fine", () => {
    expect(file("").services).toEqual([]);
    expect(file("services:\ndefaults:\n").services).toEqual([]);
    const json = JSON.stringify({
      services: [{ name: "a", technology: "ssh", local_port: 1, remote_port: 2, connection: { host: "h" } }],
    });
    expect(file(json).services).toHaveLength(1);
  });
  test("portwright.yaml warns of what YAML 1.1 reads differently", () => {
    const text = "services:\n  - {name: a, technology: ssh, remote_port: 010, connection: {host: no}}\n";
    expect(problemsIn(text).map(({ message }) => message)).toEqual([
      "this is 10 here and 8 in YAML 1.1; write it plainly, or in quotes",
      "this is text here and false in YAML 1.1; write it plainly, or in quotes",
    ]);
  });
});

describe("variables", () => {
  const env = { PORT: "9000", EMPTY: "", INJECT: "x}\n    enabled: false", YES: "on" };
  test.each<[string, string, unknown]>([
    ["local_port: ${PORT}", "localPort", 9000],
    ["local_port: ${NOPE:8081}", "localPort", 8081],
    ["local_port: ${ PORT :1}", "localPort", 9000],
    ["local_port: ${NOPE:-8081}", "localPort", 8081],
    ["local_port: ${NOPE: 8081 }", "localPort", 8081],
    ["enabled: ${NOPE:off}", "enabled", false],
    ["enabled: ${YES}", "enabled", true],
    ["description: ${EMPTY:x}", "description", undefined],
    ["description: 'a${EMPTY:x}b'", "description", "ab"],
    ["description: ${URL:http://h:1/p}", "description", "http://h:1/p"],
    ['description: ${NOPE:"quoted: text"}', "description", "quoted: text"],
    ["description: $PORT $${PORT}", "description", "$PORT $9000"],
    ["description: ${INJECT}", "description", env.INJECT],
    ["description: ${A:${B:x}}", "description", "${B:x}"],
    ["tags: [${NOPE:dev}, '${PORT}']", "tags", ["dev", "9000"]],
    ["description: ${env:dev}", "description", "dev"],
    ["description: x # ${NOPE}", "description", "x"],
  ])("%s", (line, key, value) => {
    expect(specIn(kubectl(`    ${line}\n`), env)[key as "localPort"]).toEqual(value);
  });
  test("an unset one fails its service alone, and is a warning with its place", () => {
    const text = `${kubectl("    description: ${NOPE} ${NADA}\n")}  - {name: b, technology: ssh, local_port: 1, remote_port: 2, connection: {host: h}}\n`;
    const { services, warnings, variables } = file(text);
    expect(services.map(({ failure }) => failure)).toEqual([
      {
        code: "variable_missing",
        message: "2 variables are not set: NOPE, NADA",
        facts: { variables: ["NOPE", "NADA"] },
      },
      undefined,
    ]);
    expect(warnings.filter(({ code }) => code === "variable_missing")).toMatchObject([
      { severity: "warning", line: 7, column: 18, path: "services[0].description", text: "NOPE" },
      { severity: "warning", line: 7, column: 18, text: "NADA" },
    ]);
    expect(variables).toEqual(["NOPE", "NADA"]);
  });
  test("in credentials they become our references, resolved when a connection is dialled", () => {
    const text = ssh(
      "host: h, password: ${PW:hunter2}",
      "    health_check: {type: http, config: {headers: {Authorization: Bearer ${TOKEN}, X: 1}}}\n",
    );
    const { services, variables } = file(text, { PW: "secret", TOKEN: "secret" });
    expect(services[0]?.spec).toMatchObject({
      connection: { password: "${env:PW:hunter2}" },
      healthCheck: { config: { headers: { Authorization: "Bearer ${env:TOKEN}", X: "1" } } },
    });
    expect(variables).toEqual([]);
  });
  test("in exports ${host} and ${port} stay", () => {
    const text = kubectl("    exports: {URL: 'http://${host}:${port}/${KEY}'}\n");
    expect(specIn(text).exports).toEqual({ URL: "http://${host}:${port}/${env:KEY}" });
  });
});

describe("its keys, defaults and aliases", () => {
  test("kubectl is kubernetes, the namespace default, the type service", () => {
    expect(specIn(kubectl())).toMatchObject({
      technology: "kubernetes",
      connection: { namespace: "default", resourceType: "service", resourceName: "web" },
      healthCheck: { type: "tcp", intervalMs: 30_000, timeoutMs: 5000, failureThreshold: 3, successThreshold: 1 },
      restartPolicy: { enabled: true, maxAttempts: undefined, initialDelayMs: 250, multiplier: 2, maxDelayMs: 15_000 },
    });
  });
  test("ssh: port 22 or a numeric text, the target is the server itself", () => {
    expect(specIn(ssh("host: h"))).toMatchObject({ connection: { host: "h", port: 22, remoteHost: "localhost" } });
    expect(specIn(ssh("host: h, port: '2222', user: 17")).connection).toMatchObject({ port: 2222, user: "17" });
    expect(problemsIn(ssh("host: h, port: '2222'"), "localport").map(({ path }) => path)).toEqual(["version"]);
  });
  test("a written restart_policy has LocalPort's defaults", () => {
    expect(specIn(kubectl("    restart_policy: {max_delay: 60}\n")).restartPolicy).toEqual({
      enabled: true,
      maxAttempts: 5,
      initialDelayMs: 1000,
      multiplier: 2,
      maxDelayMs: 60_000,
    });
    const inherited = `defaults: {restart_policy: {max_attempts: 7}}\n${kubectl("    restart_policy: {initial_delay: 3}\n")}`;
    expect(specIn(inherited).restartPolicy).toMatchObject({
      maxAttempts: 7,
      initialDelayMs: 3000,
      maxDelayMs: 300_000,
    });
  });
  test("defaults are inherited field by field, their config by checks of the same type", () => {
    const defaults =
      "defaults: {health_check: {type: http, interval: 10, timeout: 2, config: {url: 'http://localhost:8080/up', method: head}}}\n";
    expect(specIn(defaults + kubectl()).healthCheck).toMatchObject({
      type: "http",
      intervalMs: 10_000,
      timeoutMs: 2000,
      config: { path: "/up", method: "HEAD" },
    });
    expect(specIn(`${defaults}${kubectl("    health_check: {timeout: 9}\n")}`).healthCheck).toMatchObject({
      type: "http",
      intervalMs: 10_000,
      timeoutMs: 9000,
    });
    expect(
      specIn(`${defaults}${kubectl("    health_check: {type: http, config: {method: GET}}\n")}`).healthCheck,
    ).toMatchObject({ config: { path: "/up", method: "GET" } });
    expect(specIn(`${defaults}${kubectl("    health_check: {type: tcp}\n")}`).healthCheck).toEqual({
      type: "tcp",
      intervalMs: 10_000,
      timeoutMs: 2000,
      failureThreshold: 3,
      successThreshold: 1,
      config: {},
    });
  });
  test("a missing variable in defaults fails the services that inherit it, and is said once", () => {
    const { services, warnings } = file(
      `defaults: {health_check: {interval: "\${NOPE}"}}\n${kubectl()}  - {name: b, technology: ssh, local_port: 1, remote_port: 2, connection: {host: h}, health_check: {interval: 5}}\n`,
    );
    expect(services.map(({ failure }) => failure?.code)).toEqual(["variable_missing", undefined]);
    expect(warnings.filter(({ code }) => code === "variable_missing")).toHaveLength(1);
  });
  test.each<[string, object]>([
    [
      "{type: http}",
      {
        type: "http",
        config: {
          path: "/health",
          method: "GET",
          expected_status_codes: [200, 201, 202, 204],
          headers: {},
          verify_ssl: true,
        },
      },
    ],
    ["{type: http, config: {url: 'http://localhost:8080'}}", { config: { path: "/" } }],
    [
      "{type: http, config: {url: 'http://127.0.0.1:8080/a?b=1', expected_status: 204}}",
      { config: { path: "/a?b=1", expected_status_codes: [204] } },
    ],
    ["{type: http, config: {url: 'https://localhost:8080/a'}}", { type: "https" }],
    ["{type: https, config: {url: 'http://localhost:8080/a'}}", { type: "http" }],
    [
      "{type: http, config: {url: 'http://u:p%40@localhost:8080/a'}}",
      { config: { headers: { Authorization: `Basic ${btoa("u:p@")}` } } },
    ],
    ["{type: http, config: {url: 'http://shop.test:8080/a'}}", { config: { host: "shop.test:8080", path: "/a" } }],
    [
      "{type: http, config: {expected_status_codes: 200, method: get, timeout: 7}}",
      { timeoutMs: 7000, config: { method: "GET", expected_status_codes: [200] } },
    ],
    ["{config: {host: localhost, port: 8080, timeout: 2}, timeout: 9}", { type: "tcp", timeoutMs: 2000, config: {} }],
    [
      "{type: postgresql, config: {port: 8080, password: 0123}}",
      { type: "postgres", config: { database: "postgres", user: "postgres", password: "0123", sslmode: "prefer" } },
    ],
    [
      "{type: kafka, config: {bootstrap_servers: [localhost:8080, 'b:1']}}",
      { type: "kafka", config: { bootstrap_servers: "localhost:8080,b:1" } },
    ],
    ["{type: kafka}", { type: "kafka", config: {} }],
    [
      "{interval: 0, timeout: 1000, failure_threshold: 500}",
      { intervalMs: 1000, timeoutMs: 300_000, failureThreshold: 100 },
    ],
    ["{interval: '15', cluster_aware: true}", { intervalMs: 15_000 }],
  ])("health_check %s", (check, spec) => {
    expect(specIn(kubectl(`    health_check: ${check}\n`)).healthCheck).toMatchObject(spec);
  });
  test.each([
    ["{type: http, config: {url: 'http://other.test/health'}}", ["services[0].health_check.config.url"]],
    ["{type: http, config: {url: 'http://localhost:8080/health'}}", []],
    ["{config: {port: 9999}}", ["services[0].health_check.config.port"]],
    [
      "{type: kafka, config: {bootstrap_servers: 'localhost:9092'}}",
      ["services[0].health_check.config.bootstrap_servers"],
    ],
  ])("a check of another place is said: %s", (check, paths) => {
    expect(file(`version: "1.0"\n${kubectl(`    health_check: ${check}\n`)}`).warnings.map(({ path }) => path)).toEqual(
      paths,
    );
  });
  test("jump hosts are read as via, other ignored keys say what to write", () => {
    const text = ssh(
      "host: h, proxy_jump: 'ada@one:2222, two', options: {Compression: yes}, strict_host_key_checking: false, passphrase: x",
    );
    const { services, warnings } = file(text);
    expect(services[0]?.spec?.via).toEqual(["ada@one:2222", "two"]);
    expect(warnings.map(({ path }) => path)).toEqual([
      "version",
      "services[0].connection.proxy_jump",
      "services[0].connection.options",
      "services[0].connection.strict_host_key_checking",
      "services[0].connection.passphrase",
    ]);
  });
  test("unknown keys are warnings with the nearest one, at every level", () => {
    const text = `version: "1.0"\nserivces: []\n${kubectl("    lokal_port: 1\n    health_check: {intervall: 5, config: {hosts: 1}}\n")}`;
    expect(shortProblems(text, "localport")).toEqual([
      "warning 2:1 config_invalid serivces (services)",
      "warning 9:5 config_invalid services[0].lokal_port (local_port)",
      "warning 10:20 config_invalid services[0].health_check.intervall (interval)",
      "warning 10:43 config_invalid services[0].health_check.config.hosts (host)",
    ]);
  });
  test("empty keys count as absent, loose values as meant, with warnings", () => {
    const text = kubectl(
      "    tags: one\n    enabled: 'false'\n    description:\n    health_check:\n    restart_policy: {enabled: 0}\n",
      "17",
    );
    const { services, warnings } = file(text);
    expect(services[0]?.spec).toMatchObject({
      name: "17",
      tags: ["one"],
      enabled: false,
      restartPolicy: { enabled: false },
    });
    expect(warnings.map(({ path }) => path)).toEqual([
      "version",
      "services[0].tags",
      "services[0].enabled",
      "services[0].restart_policy.enabled",
    ]);
  });
  test.each([
    ["local_port: 0", "services[0].local_port"],
    ["local_port: 65536", "services[0].local_port"],
    ["remote_port: 0", "services[0].remote_port"],
    ["technology: Kubectl", "services[0].technology"],
    ["connection: {}", "services[0].connection.resource_name"],
    ["connection: {resource_name: x, resource_type: ingress}", "services[0].connection.resource_type"],
  ])("%s is refused", (line, path) => {
    const errors = problemsIn(kubectl(`    ${line}\n`), "localport").filter(({ severity }) => severity === "error");
    expect(errors.map((problem) => problem.path)).toEqual([path]);
  });
});

describe("clusters and metadata", () => {
  test("cluster_health of a context goes over that of defaults, field by field", () => {
    const { clusterHealth, metadata } = file(`version: "1.0"
defaults: {cluster_health: {interval: 120, commands: {pod_status: false}}}
cluster_contexts:
  \${CTX:prod}: {cluster_health: {timeout: 60, commands: {node_status: {enabled: false}}}}
  dev: {}
_metadata: {exported_at: 2024-01-01, services: 3}
`);
    const standard = { clusterInfo: true, podStatus: false, nodeStatus: true, eventsOnFailure: true };
    const base = {
      enabled: true,
      intervalMs: 120_000,
      timeoutMs: 30_000,
      retryAttempts: 2,
      failureThreshold: 3,
      commands: standard,
    };
    expect(clusterHealth).toEqual({
      defaults: base,
      contexts: { prod: { ...base, timeoutMs: 60_000, commands: { ...standard, nodeStatus: false } }, dev: base },
    });
    expect({ ...metadata }).toEqual({ exported_at: "2024-01-01", services: 3 });
  });
});
