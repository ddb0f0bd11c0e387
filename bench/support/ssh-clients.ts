import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { median } from "./stats.ts";

const iperf3 = promisify(execFile);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** MB/s of one connection, by iperf3. */
export async function throughput(port: number, seconds: number, direction: "down" | "up"): Promise<number> {
  const args = ["-c", "127.0.0.1", "-p", String(port), "-J", "-t", String(seconds)];
  for (let attempt = 1; ; attempt++) {
    const run = iperf3("iperf3", direction === "down" ? [...args, "-R"] : args, { maxBuffer: 1e8 });
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    const { end } = JSON.parse(stdout) as { end?: { sum_received?: { bits_per_second: number } } };
    if (end?.sum_received !== undefined) return end.sum_received.bits_per_second / 8e6;
    if (attempt === 10) throw new Error(`iperf3: ${stdout.slice(0, 300)}`);
    // It says that it is busy for a moment after each run.
    await pause(300);
  }
}

interface RoundTrips {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** Milliseconds of one byte there and back by an echo, one after the other: so many, or for so long with a pause in between. */
export async function roundTrips(
  port: number,
  much: { readonly count: number } | { readonly whileMs: number; readonly everyMs: number },
): Promise<RoundTrips> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const samples: number[] = [];
  const untilMs = performance.now() + ("whileMs" in much ? much.whileMs : 60_000);
  const total = "count" in much ? much.count * 1.1 : Number.POSITIVE_INFINITY;
  while (samples.length < total && performance.now() < untilMs) {
    const answered = once(socket, "data");
    const startedMs = performance.now();
    socket.write("x");
    await answered;
    samples.push(performance.now() - startedMs);
    if ("everyMs" in much) await pause(much.everyMs);
  }
  socket.destroy();
  // The first ones warm up.
  const sorted = samples.slice("count" in much ? much.count / 10 : 1).toSorted((left, right) => left - right);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), worst: sorted.at(-1) ?? Number.NaN };
}

/** Microseconds from connecting to the echo of the first byte, the median of many. */
export async function firstByte(port: number, count: number): Promise<number> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) {
    const startedMs = performance.now();
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.write("x");
    await once(socket, "data");
    samples.push((performance.now() - startedMs) * 1000);
    socket.destroy();
    await once(socket, "close");
  }
  return median(samples.slice(count / 10));
}

/** Connections at once that each send bytes, end, and compare what comes back. */
export async function echoAtOnce(
  port: number,
  count: number,
  bytes: number,
): Promise<{ readonly seconds: number; readonly broken: number }> {
  const startedMs = performance.now();
  const one = async (): Promise<boolean> => {
    const sent = randomBytes(bytes);
    // No letter that the target takes for a command.
    sent[0] = 0;
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const received = createHash("sha256");
    socket.end(sent);
    try {
      for await (const chunk of socket) received.update(chunk as Buffer);
    } catch {
      return false;
    }
    return received.digest("hex") === createHash("sha256").update(sent).digest("hex");
  };
  const results = await Promise.all(Array.from({ length: count }, one));
  return { seconds: (performance.now() - startedMs) / 1000, broken: results.filter((whole) => !whole).length };
}
