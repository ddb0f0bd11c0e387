import { errorLines, fields, list, stepLines, summaryOf, text, untrustedLines } from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { givenOptions } from "../given-options.ts";
import { render } from "../render.ts";

export const history: Command = {
  usage: "history [SERVICE]",
  description:
    "What changed: states, configuration, cluster, credentials, network, and who asked for what, oldest first; and what is different between the two ends of the time. Times: 1h, 10:02, ISO, last_ready.",
  examples: [
    "portwright history",
    "portwright history payments --since last_ready",
    "portwright history --since 10:02 --until 10:05 --output json",
  ],
  options: {
    since: { type: "string", value: "TIME", description: "from when on; default: a day ago" },
    until: { type: "string", value: "TIME", description: "until when; default: now" },
    kind: {
      type: "string",
      multiple: true,
      value: "KIND",
      description: "state, config, cluster, credentials, network, client",
    },
    limit: { type: "string", value: "N", description: "at most so many; default: 40" },
  },
  positionals: [0, 1],
  async run(invocation) {
    const { positionals, options } = invocation;
    const answered = await callTool(invocation, "get_history", {
      ...(positionals[0] !== undefined && { service: positionals[0] }),
      ...givenOptions(options, ["since", "until", "kind", "limit"]),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["at", "service", "what", "by"],
      rows: list(answer["entries"])
        .toReversed()
        .map((entry) => [text(entry["at"]), text(entry["service"]), text(entry["text"]), text(entry["by"])]),
      lines: [
        ...list(fields(answer["difference"])["services"]).map((one) =>
          `${text(one["service"])}: ${text(one["before"])} → ${text(one["after"])} ${text(one["code"])}`.trimEnd(),
        ),
        ...errorLines(answer),
        ...stepLines(answer),
        ...untrustedLines(answer),
      ],
    }));
    return exitOf(answered, true);
  },
};
