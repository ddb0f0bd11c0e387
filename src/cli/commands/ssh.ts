import type { Command, Invocation } from "../command.ts";
import { unknownAction } from "../unknown-action.ts";

const actions = ["trust", "login", "key new", "key rotate"];

export const ssh: Command = {
  usage: "ssh trust HOST | ssh login HOST | ssh key new HOST | ssh key rotate HOST",
  description:
    "trust shows the host keys of an SSH server with their fingerprints, and asks at the terminal whether they are right; then they are written to known_hosts. A key that differs from the known one is never taken. login answers what a server asks (a password, a one-time code): you type it at the terminal, it goes to the daemon's connection and is kept nowhere; services share that connection. key new makes an Ed25519 key for a host and adds it there at your word; key rotate replaces the key that logs in today, and takes the old one off after the new one worked.",
  examples: [
    "portwright ssh trust bastion",
    "portwright ssh trust me@10.0.0.5:2222 --via bastion",
    "portwright ssh login bastion",
    "portwright ssh key rotate bastion",
  ],
  options: {
    via: { type: "string", multiple: true, value: "HOST", description: "a hop before it; may be given several times" },
    file: { type: "string", value: "FILE", description: "of the new key; default ~/.ssh/id_ed25519_HOST" },
    "known-hosts": { type: "string", value: "FILE", description: "in place of ~/.ssh/known_hosts" },
  },
  positionals: [1, 3],
  async run(invocation: Invocation) {
    const [action = "", second = "", host] = invocation.positionals;
    if (action === "trust" && invocation.positionals.length === 2) {
      return (await import("../ssh/trust-host.ts")).trustHost(invocation);
    }
    if (action === "login" && invocation.positionals.length === 2) {
      return (await import("../ssh/log-in.ts")).logIn(invocation);
    }
    if (action === "key" && second === "new" && host !== undefined) {
      return (await import("../ssh/key-new.ts")).newKey(invocation, host);
    }
    if (action === "key" && second === "rotate" && host !== undefined) {
      return (await import("../ssh/key-rotate.ts")).rotateKey(invocation, host);
    }
    return unknownAction(invocation, "ssh", action, actions);
  },
};
