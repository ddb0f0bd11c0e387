/** The file is watched: what a person writes is in force, selectively, verified, and taken back when it made something worse. */
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import {
  makePortwright,
  redisCheck,
  serviceYaml,
  type TestClient,
  type TestPortwright,
  type Told,
} from "../support/portwright.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";

let server: RespServer;
let portwright: TestPortwright;
let client: TestClient;

beforeEach(async () => {
  server = await startRespServer();
  portwright = await makePortwright();
});
afterEach(async () => {
  await portwright[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const cache = (name = "cache", keys = "", port = server.port): string =>
  serviceYaml(name, port, `${redisCheck}${keys === "" ? "" : `, ${keys}`}`);
const yaml = (...services: readonly string[]): string =>
  `version: "1.0"\nservices:\n${services.map((service) => `  - ${service}\n`).join("")}`;
/** What is in force, looked at without a call: a call would read the file itself. */
const generation = (): number | undefined => portwright.plans.inForce(portwright.file)?.generation.number;
const inForce = (number: number): Promise<unknown> => eventually(async () => generation() === number, 6000, 20);

async function started(...services: readonly string[]): Promise<Record<string, number>> {
  await portwright.write(yaml(...services));
  client = await portwright.connect();
  const told = await client.call("startEnvironment", {});
  return Object.fromEntries(
    told["services"].map((row: Told) => [row["service"], Number(row["endpoint"].split(":").at(-1))]),
  );
}

/** A connection that says when it ends. */
async function held(port: number): Promise<{ socket: Socket; ended(): boolean; works(): Promise<boolean> }> {
  const socket = connect({ host: "127.0.0.1", port });
  let over = false;
  socket.on("error", () => undefined);
  socket.on("close", () => (over = true));
  await once(socket, "connect");
  const works = async (): Promise<boolean> => {
    socket.write("PING\r\n");
    const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(3000) })) as [Buffer];
    return answer.includes("PONG");
  };
  await works();
  return { socket, ended: () => over, works };
}

describe("[reload-watch] an edit is in force without a call", () => {
  test("written in place, replaced by an editor, through a link that is switched, gone and back", async () => {
    const ports = await started(cache("kept"), cache("changed"));
    const open = await held(ports["kept"] ?? 0);
    await portwright.write(yaml(cache("kept"), cache("changed", "waiting_room: {timeout: 1s}")));
    await inForce(2);
    // As vim and many others do: a new file takes the place of the old one.
    await writeFile(`${portwright.file}~`, yaml(cache("kept"), cache("changed", "waiting_room: {timeout: 2s}")));
    await rename(`${portwright.file}~`, portwright.file);
    await inForce(3);
    // A link whose target changes, then a link that leads elsewhere.
    const [one, two] = [join(portwright.folder, "a"), join(portwright.folder, "b")];
    await mkdir(one);
    await mkdir(two);
    await writeFile(join(one, "p.yaml"), yaml(cache("kept"), cache("changed")));
    await writeFile(join(two, "p.yaml"), yaml(cache("kept")));
    await symlink(join(one, "p.yaml"), `${portwright.file}~`);
    await rename(`${portwright.file}~`, portwright.file);
    await inForce(4);
    await writeFile(join(one, "p.yaml"), yaml(cache("kept"), cache("changed", "description: linked")));
    await inForce(5);
    await symlink(join(two, "p.yaml"), `${portwright.file}~`);
    await rename(`${portwright.file}~`, portwright.file);
    await inForce(6);
    // Gone: what ran goes on. Back: it is read again.
    await rm(portwright.file);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await portwright.write(yaml(cache("kept"), cache("new")));
    await inForce(7);
    expect(await open.works()).toBe(true);
    open.socket.destroy();
  });

  test("[reload-invalid] an invalid file changes nothing and is a finding; after a restart as well", async () => {
    await started(cache("one"));
    await portwright.write(`${yaml(cache("one"))}  - {name: two, technologie: ssh}\n`);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const told = await client.call("getStatus", {});
    expect(told).toMatchObject({
      state: "ready",
      generation: 1,
      configuration_problems: [expect.stringMatching(/technology/)],
    });
    const after = await portwright.crash();
    try {
      await after.application.restore();
      client = await after.connect();
      await eventually(async () => (await client.call("getStatus", {}))["state"] === "ready", 5000);
      expect(await client.call("getStatus", {})).toMatchObject({
        generation: 1,
        configuration_problems: [expect.anything()],
      });
    } finally {
      await after[Symbol.asyncDispose]();
    }
  });

  test("comments and order change nothing that runs", async () => {
    const ports = await started(cache("one"), cache("two"));
    const open = await held(ports["one"] ?? 0);
    const opens = portwright.driver.opens;
    await portwright.write(`# a comment\n${yaml(cache("two", "tags: [x]"), cache("one", "description: said"))}`);
    await inForce(2);
    expect(await open.works()).toBe(true);
    expect(portwright.driver.opens).toBe(opens);
    open.socket.destroy();
    const told = await client.call("getStatus", { environment: "x" });
    expect(told["ready"].rows).toHaveLength(1);
  });
});

describe("[reload-rollback] an edit that made something worse", () => {
  test("is taken back; the file stays as it was written, with a finding; the next good edit is in force", async () => {
    const ports = await started(cache("orders"), cache("other"));
    const open = await held(ports["other"] ?? 0);
    const bad = yaml(cache("orders", "", 1), cache("other"));
    await portwright.write(bad);
    await inForce(2);
    await eventually(async () => generation() === 1, 15_000);
    expect(await readFile(portwright.file, "utf8")).toBe(bad);
    await eventually(async () => (await client.call("getStatus", {}))["state"] === "ready", 5000);
    const told = await client.call("getStatus", {});
    expect(told).toMatchObject({ generation: 1, configuration_finding: { code: "config_invalid" } });
    expect(told.summary).toContain("rolled back");
    expect(told.summary).toContain("orders");
    const why = await client.call("diagnose", { service: "orders" });
    expect(why).toMatchObject({ healthy: true, configuration_finding: { code: "config_invalid" } });
    expect(why.summary).toContain("rolled back");
    const [newest] = portwright.plans.generations(portwright.file, 5);
    expect(newest).toMatchObject({ number: 2, rolledBack: true });
    expect(await open.works()).toBe(true);
    // A change by a tool would take the refused edit along.
    await expect(
      client.call("configureService", { changes: [{ service: "other", set: { description: "x" } }] }),
    ).rejects.toMatchObject({ code: "config_invalid" });
    // So it is after a restart.
    const after = await portwright.crash();
    client = await after.connect();
    await client.call("startEnvironment", {});
    expect(await client.call("getStatus", {})).toMatchObject({
      generation: 1,
      configuration_finding: { code: "config_invalid" },
    });
    portwright = after;
    await portwright.write(yaml(cache("orders"), cache("other", "description: good")));
    await inForce(3);
    expect(await client.call("getStatus", {})).not.toHaveProperty("configuration_finding");
    open.socket.destroy();
  });

  test("going back to what is in force takes the place of a refused edit", async () => {
    await started(cache("orders"));
    await portwright.write(yaml(cache("orders", "", 1)));
    await inForce(2);
    await eventually(async () => generation() === 1, 15_000);
    const plan = await client.call("configureService", { rollback_to: 1 });
    const told = await client.call("applyPlan", { plan_id: plan["plan_id"], confirm: plan["confirm"] });
    expect(told).toMatchObject({ outcome: "applied" });
    expect(await readFile(portwright.file, "utf8")).toBe(yaml(cache("orders")));
    expect(await client.call("getStatus", {})).not.toHaveProperty("configuration_finding");
  });
});

test(
  "[reload-storm] edited 100 times a second for 10 s, half of it invalid: nothing breaks, the last valid edit wins",
  { timeout: 120_000 },
  async () => {
    const ports = await started(cache("kept"), cache("changed"));
    const open = await held(ports["kept"] ?? 0);
    // As many edits as that makes, also on a machine that needs longer for them.
    const allEdits = 1000;
    let edits = 0;
    let last = "";
    let alive = true;
    while (edits < allEdits) {
      const at = Date.now();
      edits++;
      if (edits % 2 === 0) await portwright.write(`${yaml(cache("kept"))}  - {name: broken ${edits}\n`);
      else {
        last = yaml(
          cache("kept"),
          cache("changed", `description: edit ${edits}, waiting_room: {timeout: ${(edits % 20) + 1}s}`),
        );
        // Every other valid edit replaces the file, as editors do.
        if (edits % 4 === 1) await portwright.write(last);
        else {
          await writeFile(`${portwright.file}~`, last);
          await rename(`${portwright.file}~`, portwright.file);
        }
      }
      if (edits % 50 === 0) alive &&= await open.works();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at + 10 - Date.now())));
    }
    await portwright.write(last);
    await eventually(async () => portwright.plans.inForce(portwright.file)?.text === last, 5000);
    expect(alive && !open.ended() && (await open.works())).toBe(true);
    await eventually(async () => (await client.call("getStatus", {}))["state"] === "ready", 8000);
    expect(await client.call("getStatus", {})).not.toHaveProperty("configuration_problems");
    expect(portwright.plans.generations(portwright.file, 1000).length).toBeLessThanOrEqual(101);
    open.socket.destroy();
  },
);
