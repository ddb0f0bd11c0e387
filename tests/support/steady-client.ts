import { once } from "node:events";
import { connect } from "node:net";

export interface SteadyOutcome {
  readonly asked: number;
  readonly answered: number;
  /** Each with when it began, in milliseconds from the start. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

/**
 * A client that opens a connection every so many milliseconds, asks agnhost to echo a word of its own, and looks at the
 * answer: whether it comes, and whether it is its own.
 */
export async function steadyClient(
  port: number,
  { everyMs, forMs, patienceMs }: { readonly everyMs: number; readonly forMs: number; readonly patienceMs: number },
): Promise<SteadyOutcome> {
  const startedMs = performance.now();
  const failures: string[] = [];
  const running = new Set<Promise<void>>();
  let asked = 0;
  let answered = 0;
  let slowestMs = 0;
  while (performance.now() - startedMs < forMs) {
    const word = `word-${asked++}-${"x".repeat(asked % 50)}`;
    const atMs = performance.now();
    const one = ask(port, word, patienceMs)
      .then(
        (answer) => {
          if (answer === word) answered++;
          else failures.push(`${Math.round(atMs - startedMs)}: another answer: ${answer.slice(0, 200)}`);
        },
        (error: unknown) => void failures.push(`${Math.round(atMs - startedMs)}: ${String(error)}`),
      )
      .finally(() => {
        slowestMs = Math.max(slowestMs, performance.now() - atMs);
        running.delete(one);
      });
    running.add(one);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, startedMs + asked * everyMs - performance.now())));
  }
  await Promise.all(running);
  return { asked, answered, failures, slowestMs: Math.round(slowestMs) };
}

async function ask(port: number, word: string, patienceMs: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const signal = AbortSignal.timeout(patienceMs);
  let answer = "";
  const done = (async () => {
    socket.write(`GET /echo?msg=${word} HTTP/1.1\r\nHost: web\r\n\r\n`);
    for await (const chunk of socket) {
      answer += String(chunk);
      const [head = "", body] = answer.split("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(head)?.[1];
      if (body !== undefined && length !== undefined && body.length >= Number(length)) return body;
    }
    throw new Error(`the connection ended without an answer after ${answer.length} bytes`);
  })();
  try {
    await once(socket, "connect", { signal }).catch((error: unknown) => {
      throw signal.aborted ? new Error("hung while connecting") : error;
    });
    return await Promise.race([
      done,
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("hung")), { once: true });
      }),
    ]);
  } finally {
    socket.destroy();
    done.catch(() => {});
  }
}
