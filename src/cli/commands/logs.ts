import { setTimeout as sleep } from "node:timers/promises";
import { errorLines, fields, summaryOf, text } from "../answer-fields.ts";
import type { Command, Invocation } from "../command.ts";
import { openSession, type DaemonSession, type ToolAnswer } from "../daemon-session.ts";
import { exitOf } from "../finish.ts";
import { givenOptions } from "../given-options.ts";
import { printable } from "../printable.ts";
import { render } from "../render.ts";

/** How often `--follow` asks for what is new. */
const askEveryMs = 1000;

export const logs: Command = {
  usage: "logs SERVICE [--follow]",
  description:
    "The log of the service's own pods, by time, the containers before a restart too. --link: what happened to its connection instead. Times: 1h, 10:02, ISO, last_ready.",
  examples: [
    "portwright logs orders --since 10m",
    "portwright logs orders --around 10:02 --match error",
    "portwright logs orders -f",
  ],
  options: {
    follow: { type: "boolean", short: "f", description: "go on with what is new, until Ctrl-C" },
    link: { type: "boolean", description: "what happened to its connection" },
    since: { type: "string", value: "TIME", description: "from when on" },
    until: { type: "string", value: "TIME", description: "until when" },
    around: { type: "string", value: "TIME", description: "a minute before and after it" },
    match: { type: "string", value: "TEXT", description: "only lines with this text" },
    limit: { type: "string", value: "N", description: "at most so many lines" },
  },
  positionals: [1, 1],
  async run(invocation) {
    const { positionals, options } = invocation;
    const args = {
      source: options["link"] === true ? "link_logs" : "logs",
      service: positionals[0],
      ...givenOptions(options, ["since", "until", "around", "match", "limit"]),
    };
    using session = await openSession(invocation);
    const answered = await session.call("query", args);
    await show(invocation, answered);
    if (options["follow"] !== true || answered.isError) return exitOf(answered, true);
    return follow(invocation, session, args);
  },
};

async function show(invocation: Invocation, { answer }: ToolAnswer): Promise<void> {
  await render(invocation, answer, () => ({
    summary: summaryOf(answer),
    lines: [...linesOf(answer), ...errorLines(answer)],
  }));
}

/** Lines of a log come as one text, events as rows. */
function linesOf(answer: ToolAnswer["answer"]): string[] {
  const said = text(fields(answer["untrusted"])["text"]);
  if (said !== "") return said.split("\n");
  const rows = Array.isArray(answer["rows"]) ? answer["rows"].map(fields) : [];
  return rows
    .toReversed()
    .flatMap((row) => (row["text"] === undefined ? [] : [`${text(row["at"])} ${text(row["text"])}`]));
}

/** Lines carry seconds: what came in the second of the last one is asked for again, and shown once. */
async function follow(
  invocation: Invocation,
  session: DaemonSession,
  args: Readonly<Record<string, unknown>>,
): Promise<never> {
  let shown = new Set<string>();
  let sinceMs = Date.now() - askEveryMs;
  for (;;) {
    await sleep(askEveryMs);
    const askedMs = Date.now();
    const { since: _since, until: _until, around: _around, ...rest } = args;
    const { answer } = await session.call("query", { ...rest, since: new Date(sinceMs).toISOString(), limit: 200 });
    const lines = linesOf(answer);
    for (const line of lines) {
      if (shown.has(line)) continue;
      if (invocation.output === "json") invocation.stdout.write(`${JSON.stringify({ line })}\n`);
      else invocation.stdout.write(`${printable(line)}\n`);
    }
    shown = new Set(lines);
    sinceMs = askedMs - askEveryMs;
  }
}
