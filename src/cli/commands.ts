import type { Command } from "./command.ts";

/** The overview: one line each, and where the rest is loaded from when it is needed. */
export const commands: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  up: {
    summary: "start an environment, and show its endpoints",
    load: async () => (await import("./commands/up.ts")).up,
  },
  down: { summary: "stop an environment", load: async () => (await import("./commands/down.ts")).down },
  status: {
    summary: "what is up, and what fails",
    load: async () => (await import("./commands/status.ts")).status,
  },
  diagnose: {
    summary: "why a service fails",
    load: async () => (await import("./commands/diagnose.ts")).diagnose,
  },
  history: { summary: "what changed, and when", load: async () => (await import("./commands/history.ts")).history },
  logs: { summary: "the log of a service's own pods", load: async () => (await import("./commands/logs.ts")).logs },
  probe: { summary: "one check, with timings", load: async () => (await import("./commands/probe.ts")).probe },
  env: { summary: "an environment's variables", load: async () => (await import("./commands/env.ts")).env },
  run: {
    summary: "run a program with an environment's variables",
    load: async () => (await import("./commands/run.ts")).run,
  },
  plan: {
    summary: "plans that wait; make one",
    load: async () => (await import("./commands/plan.ts")).plan,
  },
  apply: { summary: "apply a plan, and verify it", load: async () => (await import("./commands/apply.ts")).apply },
  approve: {
    summary: "let a plan through that only a person may",
    load: async () => (await import("./commands/approve.ts")).approve,
  },
  trust: {
    summary: "let this configuration run programs and read secrets",
    load: async () => (await import("./commands/trust.ts")).trust,
  },
  discover: {
    summary: "what can be connected",
    load: async () => (await import("./commands/discover.ts")).discover,
  },
  connect: {
    summary: "one connection now, without a file",
    load: async () => (await import("./commands/discover.ts")).connect,
  },
  call: { summary: "call one tool, as an AI client does", load: async () => (await import("./commands/call.ts")).call },
  config: {
    summary: "check the configuration file; print its schema",
    load: async () => (await import("./commands/config.ts")).config,
  },
  context: {
    summary: "take another cluster behind a context",
    load: async () => (await import("./commands/context.ts")).context,
  },
  ssh: {
    summary: "trust a host's key; log in by typing; make and rotate keys",
    load: async () => (await import("./commands/ssh.ts")).ssh,
  },
  daemon: {
    summary: "start, stop and look at the background process",
    load: async () => (await import("./commands/daemon.ts")).daemon,
  },
  mcp: {
    summary: "serve MCP on stdin and stdout: what mcp.json names",
    load: async () => (await import("./commands/mcp.ts")).mcp,
  },
  demo: {
    summary: "see it work, without a cluster or a network",
    load: async () => (await import("./commands/demo.ts")).demo,
  },
};
