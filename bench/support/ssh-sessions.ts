import { execFileSync } from "node:child_process";

const { TB_BASTION_PORT } = process.env;

/** The sshd processes at the far end of these processes' connections to the testbed's bastion. */
export function sshSessions(pids: readonly number[]): number[] {
  const rows = execFileSync("ss", ["-tnpH"], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.split(/\s+/));
  const isOurs = (who: string | undefined): boolean => pids.some((pid) => who?.includes(`pid=${pid},`));
  const ours = rows.filter((row) => row[4]?.endsWith(`:${TB_BASTION_PORT}`) && isOurs(row[5]));
  const locals = new Set(ours.map((row) => row[3]));
  const far = rows.filter((row) => row[3]?.endsWith(`:${TB_BASTION_PORT}`) && locals.has(row[4] ?? ""));
  return far.flatMap((row) => [...(row[5] ?? "").matchAll(/pid=(\d+)/g)].map((match) => Number(match[1])));
}

/** Kills sshd processes; one whose other half has ended with it is gone already. */
export function killSessions(sessions: readonly number[]): void {
  for (const pid of sessions) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended.
    }
  }
}
