import { errorLines, list, stepLines, summaryOf, text } from "../answer-fields.ts";
import type { Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { render } from "../render.ts";

export const down: Command = {
  usage: "down [ENVIRONMENT] [--service NAME]…",
  description: "Stops an environment or some services. What another client still wants stays up, unless --force.",
  examples: ["portwright down", "portwright down dev --force", "portwright down --service cache"],
  options: {
    service: { type: "string", multiple: true, value: "NAME", description: "only this service" },
    except: { type: "string", multiple: true, value: "NAME", description: "keep this service and what it needs" },
    force: { type: "boolean", description: "also what other clients want" },
  },
  positionals: [0, 1],
  async run(invocation) {
    const { positionals, options } = invocation;
    const answered = await callTool(invocation, "stop_environment", {
      ...(positionals[0] !== undefined && { environment: positionals[0] }),
      ...(options["service"] !== undefined && { services: options["service"] }),
      ...(options["except"] !== undefined && { except: options["except"] }),
      ...(options["force"] === true && { force: true }),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["service", "state", "for"],
      rows: [
        ...(Array.isArray(answer["stopped"]) ? answer["stopped"] : []).map((name) => [text(name), "stopped", ""]),
        ...list(answer["kept"]).map((kept) => [text(kept["service"]), "kept", keptFor(kept["for"] ?? kept["clients"])]),
      ],
      lines: [...errorLines(answer), ...stepLines(answer)],
    }));
    return exitOf(answered, true);
  },
};

const keptFor = (holders: unknown): string => (Array.isArray(holders) ? holders.map(text).join(", ") : text(holders));
