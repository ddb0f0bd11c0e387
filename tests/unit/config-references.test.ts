import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalTemplate, maskVariables } from "#adapters/config-files/localport-variables.ts";
import { dependencyLayers, findCycles } from "#domain/dependency-order.ts";
import { hasReference, parseTemplate, resolveEnvTemplate } from "#domain/references.ts";
import { problemsIn, reading, specOf } from "../support/config-reading.ts";

const piece = fc.constantFrom("${", "}", "env:", "file:", "command:", ":", "A", " ", "$", "-", "x y", "\n", "{", "é");
const template = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));

describe("templates", () => {
  test("are text, variables, files and commands", () => {
    expect(parseTemplate("a${env: NAME }b${env:X:http://h:1/p}${file: ~/k }${command:op read x}${other}")).toEqual([
      { kind: "text", text: "a" },
      { kind: "env", name: "NAME", source: "${env: NAME }" },
      { kind: "text", text: "b" },
      { kind: "env", name: "X", fallback: "http://h:1/p", source: "${env:X:http://h:1/p}" },
      { kind: "file", path: "~/k", source: "${file: ~/k }" },
      { kind: "command", command: "op read x", source: "${command:op read x}" },
      { kind: "text", text: "${other}" },
    ]);
    expect(hasReference("${host}")).toBe(false);
    expect(hasReference("${env:A}")).toBe(true);
  });
  test("lose nothing", () => {
    fc.assert(
      fc.property(template, (text) => {
        const parts = parseTemplate(text);
        expect(parts.map((part) => (part.kind === "text" ? part.text : part.source)).join("")).toBe(text);
      }),
    );
  });
  test("an empty variable wins over the default, values are not looked at again, all missing ones are named once", () => {
    const lookup = (name: string): string | undefined => ({ EMPTY: "", NEST: "${env:EMPTY}" })[name];
    expect(resolveEnvTemplate("[${env:EMPTY:x}][${env:NOPE:x y }][${env:NEST}][${file:f}]", lookup)).toEqual({
      ok: true,
      value: "[][x y ][${env:EMPTY}][${file:f}]",
    });
    expect(resolveEnvTemplate("${env:A}${env:B}${env:A}", lookup)).toEqual({ ok: false, missing: ["A", "B"] });
    expect(resolveEnvTemplate("${env::x}", lookup)).toEqual({ ok: true, value: "x" });
  });
});

describe("LocalPort's variables", () => {
  test("are hidden in place and come back", () => {
    fc.assert(
      fc.property(template, (text) => {
        const masked = maskVariables(text);
        expect(masked.text).toHaveLength(text.length);
        expect(masked.restore(masked.text)).toBe(text);
      }),
    );
  });
  test("become ours", () => {
    expect(canonicalTemplate("${A} ${ B : c } ${C:-d} ${host} ${}", ["host"])).toEqual({
      template: "${env:A} ${env:B: c } ${env:C:d} ${host} ${}",
      shellDefaults: ["C"],
    });
  });
});

describe("in portwright.yaml", () => {
  const ssh = (lines: string): string =>
    `services:\n  - name: a\n    technology: ssh\n    remote_port: 80\n    connection: {host: x}\n${lines}`;
  test("values are typed after they are replaced, as their key wants it, in quotes or not", () => {
    const env = { PORT: "9000", ON: "true", WORD: "http" };
    const text = ssh(
      '    local_port: ${env:PORT}\n    enabled: "${env:ON}"\n    description: ${env:PORT}\n    tags: [a, "${env:ON}"]\n    health_check: {interval: "${env:SECONDS:15}"}\n',
    );
    expect(specOf(text, "portwright", env)).toMatchObject({
      localPort: 9000,
      enabled: true,
      description: "9000",
      tags: ["a", "true"],
      healthCheck: { intervalMs: 15_000 },
    });
    expect(problemsIn(ssh('    local_port: "${env:WORD}"\n'), "portwright", env)).toMatchObject([
      { path: "services[0].local_port", text: "${env:WORD}" },
    ]);
    expect(problemsIn(ssh('    local_port: "9000"\n'))).toMatchObject([{ path: "services[0].local_port" }]);
  });
  test("a value cannot become YAML", () => {
    const env = { EVIL: "x, technology: ssh}\n- {name: b" };
    expect(specOf(ssh("    description: ${env:EVIL}\n"), "portwright", env).description).toBe(env.EVIL);
  });
  test("[config-references] a missing variable is an error of its service, which is declared with it; the others run", () => {
    const text = `${ssh("    description: ${env:NOPE}\n    local_port: 1\n")}  - {name: b, technology: ssh, remote_port: 80, connection: {host: x}, depends_on: [a]}\n`;
    const result = reading(text);
    expect(result.ok && result.configuration.services.map(({ name, failure }) => [name, failure?.code])).toEqual([
      ["a", "variable_missing"],
      ["b", undefined],
    ]);
    expect(result.ok && result.configuration.variables).toEqual(["NOPE"]);
    expect(problemsIn(text)).toMatchObject([
      {
        severity: "error",
        code: "variable_missing",
        line: 6,
        column: 18,
        path: "services[0].description",
        text: "NOPE",
      },
    ]);
    expect(problemsIn(text.replace("local_port: 1", "enabled: false"))).toMatchObject([{ severity: "warning" }]);
    expect(problemsIn(text.replace("remote_port: 80", "remote_port: x")).map(({ code }) => code)).toEqual([
      "config_invalid",
      "variable_missing",
    ]);
  });
  test("outside of services it makes the file invalid", () => {
    expect(reading(`version: "\${env:NOPE}"\n${ssh("")}`).ok).toBe(false);
    expect(reading(`${ssh("")}environments:\n  - {name: dev, description: "\${env:NOPE}"}\n`).ok).toBe(false);
  });
  test("[config-references] credentials and exports keep their template", () => {
    const text = ssh(
      `    connection: {host: x, password: "\${env:PW}", passphrase: "\${file:~/p}"}\n    health_check: {type: redis, config: {password: "\${command:op read x}"}}\n    exports: {URL: "redis://:\${env:PW}@\${host}:\${port}"}\n`,
    ).replace("    connection: {host: x}\n", "");
    const result = reading(text, "portwright", { PW: "secret" });
    expect(result.ok && result.configuration.variables).toEqual([]);
    expect(specOf(text, "portwright", { PW: "secret" })).toMatchObject({
      connection: { password: "${env:PW}", passphrase: "${file:~/p}" },
      healthCheck: { config: { password: "${command:op read x}" } },
      exports: { URL: "redis://:${env:PW}@${host}:${port}" },
    });
    expect(JSON.stringify(result)).not.toContain("secret");
  });
  test.each([
    ['description: "${file:/etc/passwd}"', "error"],
    ['description: "${command:id}"', "error"],
    ['description: "${env:A-B:x}"', "error"],
    ['description: "${env:}"', "error"],
    ['description: "${NAME:x}"', "warning"],
    ['exports: {A: "${NAME}"}', "warning"],
    ['exports: {A: "${host}${port}"}', undefined],
  ])("%s: %s", (line, severity) => {
    expect(problemsIn(ssh(`    ${line}\n`)).map((problem) => problem.severity)).toEqual(
      severity === undefined ? [] : [severity],
    );
  });
  test("the value of a variable is in no problem", () => {
    const env = { BAD: "hunter2-value" };
    const text = ssh(
      "    local_port: ${env:BAD}\n    enabled: ${env:BAD}\n    tags: ${env:BAD}\n    health_check: {type: '${env:BAD}', interval: '${env:BAD}'}\n    depends_on: ['${env:BAD}']\n",
    );
    expect(problemsIn(text, "portwright", env).length).toBeGreaterThan(4);
    expect(JSON.stringify(problemsIn(text, "portwright", env))).not.toContain("hunter2");
  });
});

describe("order of services", () => {
  test("in layers, with what they depend on", () => {
    const graph: Record<string, string[]> = {
      web: ["api", "cache"],
      api: ["cache", "db"],
      cache: [],
      db: [],
      other: [],
    };
    expect(dependencyLayers(["web", "other"], (name) => graph[name] ?? [])).toEqual([
      ["other", "cache", "db"],
      ["api"],
      ["web"],
    ]);
  });
  test("of any graph: every name once, none before what it depends on; a cycle is found exactly when there is one", () => {
    const graphs = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(graphs, (edges) => {
        const names = edges.map((_, index) => String(index));
        const dependsOn = (name: string): string[] => (edges[Number(name)] ?? []).map(String);
        const layers = dependencyLayers(names, dependsOn);
        expect(layers.flat().toSorted()).toEqual(names);
        const cycles = findCycles(names, dependsOn);
        for (const cycle of cycles) {
          expect(cycle.at(-1)).toBe(cycle[0]);
          for (const [index, name] of cycle.slice(0, -1).entries()) expect(dependsOn(name)).toContain(cycle[index + 1]);
        }
        const placed = new Set<string>();
        let ordered = true;
        for (const layer of layers) {
          if (!layer.every((name) => dependsOn(name).every((need) => placed.has(need)))) ordered = false;
          for (const name of layer) placed.add(name);
        }
        expect(ordered).toBe(cycles.length === 0);
      }),
    );
  });
});
