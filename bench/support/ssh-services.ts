import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { Sshd } from "../../tests/support/sshd.ts";
import { freePort } from "./free-port.ts";
import { callOnce, daemonPid, makeHome } from "./portwright.ts";
import { end, memoryOf, memoryOfTree } from "./process.ts";
import { bulkBeside, startTargetProcess } from "./ssh-target.ts";
import { median, printTable, verdict } from "./stats.ts";

const rounds = Number(process.env["ROUNDS"] ?? 3);
const settleMs = Number(process.env["SETTLE_MS"] ?? 5000);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** @param ports local ones, one a service; 0 for any */
const yaml = (sshd: Sshd, target: number, ports: readonly number[]): string =>
  `version: "1.0"\nservices:\n${ports
    .map(
      (port, index) => `  - name: s${index}
    technology: ssh
    local_port: ${port}
    remote_port: ${target}
    connection: {host: 127.0.0.1, port: ${sshd.port}, user: ${sshd.user}, key_file: "${sshd.keyFile}", known_hosts_file: "${sshd.knownHostsFile}", remote_host: 127.0.0.1}
`,
    )
    .join("")}`;

/** TCP connections that a process has to a port. */
const connectionsTo = (pid: number, port: number): number =>
  String(execFileSync("ss", ["-tnpH", "state", "established", "dst", `127.0.0.1:${port}`]))
    .split("\n")
    .filter((line) => line.includes(`pid=${pid},`)).length;

/** 50 services over one bastion: connections to it, and memory over the same daemon with the same services at rest. */
export async function measureServices(sshd: Sshd): Promise<void> {
  await using target = await startTargetProcess();
  const over: number[] = [];
  let connections = 0;
  for (let round = 0; round < rounds; round++) {
    const memory: number[] = [];
    for (const tool of ["get_status", "start_environment"]) {
      using home = makeHome(yaml(sshd, target.port, new Array<number>(50).fill(0)));
      const { shim, answer } = await callOnce(home, tool);
      try {
        if (tool === "start_environment" && answer.state !== "ready")
          throw new Error(JSON.stringify(answer).slice(0, 500));
        await pause(settleMs);
        const pid = daemonPid(home);
        memory.push(memoryOfTree(pid).privateKb / 1024);
        if (tool === "start_environment") connections = Math.max(connections, connectionsTo(pid, sshd.port));
      } finally {
        await end(shim);
        home.run("daemon", "stop");
      }
    }
    over.push((memory[1] as number) - (memory[0] as number));
  }
  printTable(
    "50 services over one bastion",
    ["", "", "wanted", ""],
    [
      ["connections to the bastion", connections, "1", verdict(connections === 1)],
      ["private memory over the idle daemon, MB", median(over), "< 20", verdict(median(over) < 20)],
    ],
  );
}

/** A client that never reads, while another connection goes on. */
export async function measureStalled(sshd: Sshd): Promise<void> {
  await using target = await startTargetProcess();
  const growth: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [one, other] = [await freePort(), await freePort()];
    using home = makeHome(yaml(sshd, target.port, [one, other]));
    const { shim } = await callOnce(home, "start_environment");
    try {
      await bulkBeside(other, "down", 500);
      await pause(settleMs);
      const pid = daemonPid(home);
      const beforeKb = memoryOf(pid).privateKb;
      const stalled = connect({ port: one, host: "127.0.0.1" });
      await once(stalled, "connect");
      stalled.pause();
      stalled.write("d");
      await pause(3000);
      growth.push((memoryOf(pid).privateKb - beforeKb) / 1024);
      beside.push(await bulkBeside(other, "down", 1000));
      stalled.destroy();
    } finally {
      await end(shim);
      home.run("daemon", "stop");
    }
  }
  printTable(
    "a client that never reads, 3 s",
    ["", "", "wanted", ""],
    [
      ["growth of private memory, MB", median(growth), "< 8", verdict(median(growth) < 8)],
      ["another connection beside it, MB/s", median(beside), "", ""],
    ],
  );
}
