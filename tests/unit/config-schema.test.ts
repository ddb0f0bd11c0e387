import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import { describe, expect, test } from "vitest";
import { configurationJsonSchema } from "#domain/spec/json-schema.ts";
import { reading } from "../support/config-reading.ts";

const { $schema, ...schema } = configurationJsonSchema();
const validate = new AjvJsonSchemaValidator().getValidator(schema);

const file = (service: object, more: object = {}): object => ({
  version: "1.0",
  services: [{ name: "a", technology: "ssh", remote_port: 80, connection: { host: "x" }, ...service }],
  ...more,
});

describe("the JSON Schema for editors", () => {
  test.each([
    ["the least", file({})],
    ["a reference in place of a number", file({ local_port: "${env:PORT:8080}" })],
    ["a reference in place of a choice", file({ enabled: "${env:ON:true}", listen: "${env:LISTEN:localhost}" })],
    [
      "LocalPort's words",
      file({
        technology: "kubectl",
        connection: { resource_name: "x" },
        health_check: { type: "http", config: { url: "http://localhost:1/a", expected_status: 200 } },
      }),
    ],
    ["a check without a type", file({ health_check: { interval: "5s" } })],
    ["environments", file({}, { environments: [{ name: "dev", services: ["a"], default: true }] })],
    [
      "defaults and clusters",
      file(
        {},
        {
          defaults: {
            restart_policy: { max_attempts: 3 },
            cluster_health: { commands: { pod_status: { enabled: false } } },
          },
          cluster_contexts: { prod: {} },
          _metadata: { any: 1 },
        },
      ),
    ],
    ["a proxy", { services: [{ name: "p", technology: "proxy", routes: [{ match: { path: "/" } }] }] }],
  ])("takes what the reader takes: %s", (_, data) => {
    expect(validate(data)).toMatchObject({ valid: true });
    // In JSON every reference is quoted: what it holds is read as what the key wants.
    expect(reading(JSON.stringify(data))).toMatchObject({ ok: true });
  });
  test.each([
    ["an unknown key", file({ lokal_port: 1 })],
    ["a port out of range", file({ local_port: 65_536 })],
    ["text for a port", file({ local_port: "http" })],
    ["an unknown technology", file({ technology: "kubernets" })],
    ["no connection", { services: [{ name: "a", technology: "ssh", remote_port: 80 }] }],
    ["an unknown key of the file", file({}, { serivces: [] })],
  ])("refuses what the reader refuses: %s", (_, data) => {
    expect(validate(data)).toMatchObject({ valid: false });
    expect(reading(JSON.stringify(data))).toMatchObject({ ok: false });
  });
  test("is draft 2020-12", () => {
    expect($schema).toBe("https://json-schema.org/draft/2020-12/schema");
  });
});
