/** A person approves at a terminal, over the real daemon: a pipe, or a process without a terminal, is nobody. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mainJs, makeHome, type Home } from "../support/home.ts";

let home: Home;
beforeAll(async () => {
  home = await makeHome();
});
afterAll(() => home[Symbol.asyncDispose]());

const yaml = (file: string): string => `services:
  - name: db
    technology: ssh
    remote_port: 5432
    connection: {host: 127.0.0.1, port: 1, password: "\${file:${file}}"}
environments:
  - {name: live, services: [db], production: true}
`;

/** Runs the command in a session of its own; with a terminal by `script`, else with none. */
async function runAlone(words: readonly string[], typed?: string): Promise<{ code: number; said: string }> {
  const command = [process.execPath, mainJs, ...words];
  const [program = "", ...args] =
    typed === undefined ? command : ["script", "-qec", command.map((word) => `'${word}'`).join(" "), "/dev/null"];
  const child = spawn(program, args, {
    cwd: home.project,
    env: home.env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()));
  child.stdin.on("error", () => undefined);
  if (typed === undefined) child.stdin.end("approve\ntrust\n");
  else {
    // After it asked: what comes before is read by nobody.
    child.stdout.on("data", () => {
      if (/Type \w+ to/.test(said)) child.stdin.write(`${typed}\n`);
    });
  }
  const [code] = (await once(child, "exit")) as [number];
  return { code, said };
}

const call = async (tool: string, args: object): Promise<Record<string, unknown>> =>
  JSON.parse((await home.cli(["call", tool, JSON.stringify(args)])).stdout) as Record<string, unknown>;
const hasScript = existsSync("/usr/bin/script");

describe("[plan-approve] approve and trust", { timeout: 60_000 }, () => {
  test.skipIf(!hasScript)(
    "a plan that touches production, and the keys of a file, by the word that was typed",
    async () => {
      await home.configure(yaml("~/one"));
      const plan = await call("configure_service", {
        changes: [{ service: "db", set: { description: "the database" } }],
      });
      expect(plan).toMatchObject({ risk: "restricted" });
      const apply = { plan_id: plan["plan_id"], confirm: plan["confirm"] };
      expect(await call("apply_plan", apply)).toMatchObject({
        outcome: "needs_person",
        error: { code: "approval_required" },
      });
      const id = String(plan["plan_id"]);

      const piped = await runAlone(["approve", id]);
      expect(piped.code).toBe(1);
      expect(piped.said).toContain("needs a person at a terminal");
      const wrong = await runAlone(["approve", id], "yes");
      expect(wrong.said).toContain("is not approved");
      expect(await call("apply_plan", apply)).toMatchObject({ outcome: "needs_person" });

      const right = await runAlone(["approve", id], "approve");
      expect(right.said).toContain("an environment marked production");
      expect(right.said).toContain("is approved");
      expect(await call("apply_plan", apply)).toMatchObject({ outcome: "applied", generation: 2 });

      const trusted = await runAlone(["trust"], "trust");
      expect(trusted.said).toContain("connection.password: ${file:~/one}");
      expect(trusted.said).toContain("is trusted until");
      const shown = JSON.parse((await home.cli(["trust", "--show", "--output", "json"])).stdout) as object;
      expect(shown).toMatchObject({ trusted: true });
      // A change of the key ends it.
      await home.configure(yaml("~/two"));
      const again = JSON.parse((await home.cli(["trust", "--show", "--output", "json"])).stdout) as object;
      expect(again).toMatchObject({ trusted: false });
      expect((await home.cli(["plan"])).stdout).toContain("edit-portwright-yaml-");
      expect(await call("get_status", {})).toMatchObject({ configuration_finding: { code: "approval_required" } });
    },
  );
});
