import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorCatalogue } from "#domain/error-catalogue.ts";

/** Codes without a staged fault, and why. */
const unstaged: Readonly<Record<string, string>> = {
  config_not_found: "there is no service to diagnose",
  unknown_environment: "an argument, not a state",
  local_port_privileged: "the testbed runs as root",
  local_address_unavailable: "only loopback may be listened on",
  too_many_open_files: "it would starve the test process; tests/integration/net-open-files.test.ts",
  offline: "this machine's network is shared; tests/unit/diagnosis-findings.test.ts",
  forward_refused: "needs a gateway without upgrades; tests/integration/kubernetes-transport.test.ts",
  connection_lost: "passes within a second; tests/integration/ssh-streams.test.ts",
  remote_port_in_use: "tests/integration of the SSH driver",
  dependency_failed: "explained by the dependency's own cause; tests/unit/diagnosis.test.ts",
  held_by_other_client: "an answer to a call",
};
const folder = "tests/e2e/faults";
const faults = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => readFileSync(`${folder}/${name}/fault.ts`, "utf8"));

test("[fault] each code that a service can have is staged at least once, or says why not", () => {
  const staged = new Set(faults.flatMap((text) => [...text.matchAll(/"([a-z_]+)"/g)].map(([, code]) => code)));
  const missing = Object.entries(errorCatalogue)
    .filter(([, { rung }]) => rung !== "tool" && rung !== "proxy")
    .map(([code]) => code)
    .filter((code) => !staged.has(code) && unstaged[code] === undefined && code !== "route_conflict");
  expect(missing).toEqual([]);
});
test("[fault] there are at least 60 faults, 12 healthy scenarios and 10 compound ones", () => {
  const healthy = faults.filter((text) => text.includes("code: undefined")).length;
  expect(healthy).toBeGreaterThanOrEqual(12);
  expect(faults.length - healthy).toBeGreaterThanOrEqual(60);
  expect(faults.filter((text) => text.includes("compound: true")).length).toBeGreaterThanOrEqual(10);
});
