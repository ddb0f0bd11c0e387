import { errorLines, fields, stepLines, summaryOf, text, untrustedLines } from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { render } from "../render.ts";

export const probe: Command = {
  usage: "probe SERVICE [--type TYPE]",
  description:
    "One check of a service through its whole path and beside it, with timings. With --target: of an address that is declared or was discovered. Exit code 1 when it did not pass.",
  examples: [
    "portwright probe db",
    "portwright probe api --type tls",
    "portwright probe --target 127.0.0.1:8080 --type http",
  ],
  options: {
    type: {
      type: "string",
      value: "TYPE",
      description: "tcp, tls, http, postgres, redis, …; default: the service's own",
    },
    target: { type: "string", value: "ADDRESS", description: "host:port or URL, in place of a service" },
  },
  positionals: [0, 1],
  async run(invocation) {
    const { positionals, options } = invocation;
    const answered = await callTool(invocation, "probe", {
      ...(positionals[0] !== undefined && { service: positionals[0] }),
      ...(options["target"] !== undefined && { target: options["target"] }),
      ...(options["type"] !== undefined && { type: options["type"] }),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["phase", "ms"],
      rows: Object.entries(fields(answer["phases_ms"])).map(([phase, ms]) => [phase, text(ms)]),
      lines: [...errorLines(answer), ...stepLines(answer), ...untrustedLines(answer)],
    }));
    return exitOf(answered, answer["ok"] === true);
  },
};
