import { readFileSync, rmSync, utimesSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { say } from "./step.mjs";

const heartbeatMs = 1000;
const pollMs = 200;
/** A holder that has not shown a sign of life over so many looks is gone, even when its pid lives on as another process. */
const silentLooks = 150;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs `work` while no other set-up of this clone does. Waits for a running one, without a limit while that one shows
 * signs of life; takes over from one that was killed.
 */
export async function withLock(root, work) {
  const file = join(root, ".set-up.lock");
  await acquire(file);
  const heartbeat = setInterval(() => touch(file), heartbeatMs);
  const stop = (signal) => {
    rmSync(file, { force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, stop);
  try {
    return await work();
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, stop);
    clearInterval(heartbeat);
    rmSync(file, { force: true });
  }
}

async function acquire(file) {
  let seen = { mark: "", looks: 0 };
  let told = false;
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = look(file);
    if (holder) {
      seen = holder.mark === seen.mark ? { ...seen, looks: seen.looks + 1 } : { mark: holder.mark, looks: 0 };
      if (seen.looks > silentLooks || (seen.looks > 1 && !isAlive(holder.pid))) {
        rmSync(file, { force: true });
        continue;
      }
      if (!told) say(`another set-up of this folder is running (pid ${holder.pid}); waiting for it`);
      told = true;
    }
    await sleep(pollMs);
  }
}

function look(file) {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return { pid, mark: `${pid} ${statSync(file).mtimeMs}` };
  } catch {
    return undefined;
  }
}

function touch(file) {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // Taken away by hand: the work goes on, it is only no longer announced.
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
