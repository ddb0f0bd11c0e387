import type { Command, Invocation } from "../command.ts";
import { unknownAction } from "../unknown-action.ts";

const actions = ["trust"];

export const ssh: Command = {
  usage: "ssh trust HOST",
  description:
    "trust shows the host keys of an SSH server with their fingerprints, and asks at the terminal whether they are right; then they are written to known_hosts. A key that differs from the known one is never taken.",
  examples: ["portwright ssh trust bastion", "portwright ssh trust me@10.0.0.5:2222 --via bastion"],
  options: {
    via: { type: "string", multiple: true, value: "HOST", description: "a hop before it; may be given several times" },
    "known-hosts": { type: "string", value: "FILE", description: "in place of ~/.ssh/known_hosts" },
  },
  positionals: [1, 2],
  async run(invocation: Invocation) {
    const [action = ""] = invocation.positionals;
    if (action === "trust" && invocation.positionals.length === 2) {
      return (await import("../ssh/trust-host.ts")).trustHost(invocation);
    }
    return unknownAction(invocation, "ssh", action, actions);
  },
};
