import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Failure } from "#domain/connectivity-error.ts";
import { nextCalls } from "#domain/diagnosis/next-calls.ts";
import { sshTo } from "#domain/diagnosis/remedies/words.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { errorCatalogue, type ErrorCode } from "#domain/error-catalogue.ts";
import { assertNextStepsValid } from "../support/next-steps.ts";

const codes = Object.keys(errorCatalogue) as ErrorCode[];
/** Causes that are not a person's to mend by a step: they pass, are explained by another service, or belong to a call. */
const withoutStep = new Set<ErrorCode>(["connection_lost", "dependency_failed", "held_by_other_client"]);
const diagnosed = codes.filter((code) => {
  const { rung } = errorCatalogue[code];
  return rung !== "tool" && rung !== "proxy" && !code.startsWith("config_") && !code.startsWith("unknown_");
});
const situation = { workspace: "/w", isWanted: () => true, wasReady: true };

describe("remedies", () => {
  test("[diagnosis-fixes] every cause that a person can mend has a step that says what and why", () => {
    const notBuilt = new Set(["route_conflict", "dependency_cycle"]);
    const without = diagnosed.filter((code) => remediesFor({ code, message: "" }).length === 0);
    expect(without.filter((code) => !withoutStep.has(code) && !notBuilt.has(code))).toEqual([]);
    for (const code of diagnosed) {
      for (const step of remediesFor({ code, message: "" })) {
        expect(step.why ?? step.what).toMatch(/\S/);
        expect(step.do === "run" ? step.command : (step.what ?? step.command)).toMatch(/\S/);
      }
    }
  });
  test("commands name what is known, quoted for a shell", () => {
    const facts = { context: "stage one", namespace: "shop", workload: "deployment/api" };
    const [step] = remediesFor({ code: "scaled_to_zero", message: "", facts });
    expect(step?.command).toBe("kubectl --context 'stage one' -n shop scale deployment/api --replicas 1");
    const [ssh] = remediesFor({ code: "host_unreachable", message: "" }, { host: "bastion", user: "me", port: 2222 });
    expect(ssh?.command).toBe("ssh -p 2222 me@bastion true");
  });
  test("[ssh-steps] a step on an SSH server goes to the service's own server, or to the hop that is blamed", () => {
    const ssh = sshTo({ host: "b", user: "me", port: 2222, keyFile: "/k y", jumps: ["x", "y@z:1"] });
    expect(ssh).toBe("ssh -p 2222 -o IdentitiesOnly=yes -i '/k y' -J x,y@z:1 me@b");
    const command = (code: ErrorCode, facts: NonNullable<Failure["facts"]>, around = {}): string | undefined =>
      remediesFor({ code, message: "", facts }, { host: "b", ssh, ...around })[0]?.command;
    // The port of a remote forward is not the server's.
    expect(command("remote_port_in_use", { host: "b", port: 8080 })).toBe(`${ssh} ss -ltn`);
    expect(command("target_unreachable", { target: "db:5432" })).toBe(`${ssh} nc -vz db 5432`);
    expect(command("target_unreachable", { target: "/run/db.sock" })).toBe(`${ssh} 'ls -l /run/db.sock'`);
    expect(command("ssh_jump_failed", { hop: "jump", host: "10.0.0.1", port: 23 })).toBe("ssh -p 23 jump true");
    expect(command("ssh_jump_failed", { hop: "ProxyCommand", host: "b" }, { ssh_by_hops: ssh })).toBe(`${ssh} true`);
    expect(command("target_unreachable", { target: "127.0.0.1:9", local: true })).toBe("nc -vz 127.0.0.1 9");
    const unreadable = {
      unreadable_files: ["/k (EACCES)"],
      known_hosts_file: "/k",
      trust_command: "portwright ssh trust b",
    };
    expect(command("host_key_unknown", unreadable)).toBe("ls -l /k");
    const changed = { known_hosts_file: "/k", known_hosts_line: 3, trust_command: "portwright ssh trust b" };
    const [ask] = remediesFor({ code: "host_key_changed", message: "", facts: changed });
    expect(ask?.then).toContain("take line 3 out of /k, and portwright ssh trust b");
    const asks = remediesFor({ code: "ssh_forwarding_prohibited", message: "", facts: { direction: "remote" } });
    expect(asks[0]?.what).toContain("PermitListen");
  });
  test("a login with nothing to log in with names no file", () => {
    const facts = { agent: "none", looked_at: ["/h/.ssh/id_rsa"], login_command: "portwright ssh login b:23" };
    const [edit, login] = remediesFor({ code: "ssh_key_missing", message: "", facts });
    expect(edit?.why).toBe("none of the usual key files is there, and no agent has a key");
    expect(login?.command).toBe("portwright ssh login b:23");
  });
  test("a socket as the local end is no port", () => {
    for (const code of ["local_port_in_use", "local_address_unavailable"] as const) {
      const [step] = remediesFor({ code, message: "", facts: { socket: "/run/db.sock" } });
      expect(step).toMatchObject({ where: "listen of the service", why: expect.stringContaining("/run/db.sock") });
    }
  });
  test("a rollout just before is taken back first", () => {
    const facts = { workload: "deployment/api", rolled_out: true, pod: "api-1", container: "main" };
    const [first, second] = remediesFor({ code: "container_crashing", message: "", facts });
    expect(first?.command).toContain("rollout undo deployment/api");
    expect(second?.command).toContain("logs api-1 -c main --previous");
  });
});

describe("next calls", () => {
  test("[diagnosis-fixes] are at most three, and each fits its tool's schema, for every code and whatever the facts", () => {
    const facts = fc.dictionary(
      fc.constantFrom(
        "nearest",
        "ports",
        "looks_like",
        "expected",
        "other_kinds",
        "in_namespaces",
        "owner_service",
        "port",
        "root_service",
      ),
      fc.oneof(
        fc.constantFrom("api", "8080", "http:8080", "redis", "tls", "service"),
        fc.constant(["service"]),
        fc.constant(["http:8080"]),
        fc.nat(),
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...codes), facts, fc.boolean(), (code, some, isWanted) => {
        const calls = nextCalls("db", { code, message: "", facts: some }, { ...situation, isWanted: () => isWanted });
        assertNextStepsValid({ summary: "", next_steps: calls });
      }),
    );
  });
  test("a name that was mistyped becomes a plan", () => {
    const calls = nextCalls("db", { code: "resource_missing", message: "", facts: { nearest: "postgres" } }, situation);
    expect(calls[0]).toMatchObject({
      tool: "configure_service",
      arguments: { changes: [{ service: "db", set: { connection: { resource_name: "postgres" } } }] },
    });
  });
  test("what lies with a service of the cluster is not mended in the file", () => {
    const facts = { nearest: "api", upstream: "aip" };
    const calls = nextCalls("db", { code: "resource_missing", message: "", facts }, situation);
    expect(calls.map(({ tool }) => tool)).not.toContain("configure_service");
  });
});
