import { toConnectivityError } from "#domain/connectivity-error.ts";
import { startBastion } from "./bastion.ts";
import { daemonCommand } from "./daemon-command.ts";
import { makeDemoFolder, serviceAt, type DemoFolder } from "./demo-folder.ts";
import { connectMcp } from "./mcp-client.ts";
import { Narrator, type Output } from "./narrator.ts";
import { startShop } from "./shop.ts";
import { endStory, tellStory } from "./story.ts";

/** What the demo uses of the process around it. */
export interface DemoSurroundings {
  /** The program and arguments that run this command line again. */
  readonly self: readonly [string, ...string[]];
  readonly stdout: Output;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The embedded demo: an SSH bastion and a shop behind it in this process, brought up, broken, explained and healed
 * through the MCP tools of a daemon of its own. `--keep` leaves it up until Ctrl-C, and prints what to paste into an AI
 * client. Touches nothing of the person's: all its files are in a temporary folder, which it removes.
 * @returns the exit code: 0 when everything came as it should
 */
export async function runDemo(
  args: readonly string[],
  { self, stdout, env }: DemoSurroundings = {
    self: [process.execPath, process.argv[1] ?? ""],
    stdout: process.stdout,
    env: process.env,
  },
): Promise<number> {
  const keep = args.includes("--keep");
  const narrator = new Narrator(stdout, env);
  const startedMs = performance.now();
  /** In the order of opening; closed the other way round. */
  const opened: (() => Promise<unknown>)[] = [];
  const interruption = Promise.withResolvers<number>();
  let holding = false;
  const interrupt = (): void => interruption.resolve(holding ? 0 : interruptedExitCode);
  for (const signal of endSignals) process.on(signal, interrupt);

  const play = async (): Promise<number> => {
    narrator.title("Portwright demo: a shop behind an SSH bastion, without a cluster and without a network");
    const shop = await startShop();
    opened.push(() => shop.close());
    const bastion = await startBastion((host, port) => {
      const service = serviceAt(host, port);
      return service && shop.ports[service];
    });
    opened.push(() => bastion.close());
    const folder = await makeDemoFolder(bastion);
    opened.push(() => folder.remove());
    narrator.step(`An SSH bastion on 127.0.0.1:${bastion.port}; only it reaches the shop's web, API and cache`);
    narrator.line(`${folder.config} declares the environment shop`);

    const ownEnv = { ...withoutPortwright(env), PORTWRIGHT_HOME: folder.home };
    opened.push(() => daemonCommand(self, ownEnv).stop());
    const connectMs = performance.now();
    const client = await connectMcp([...self, "mcp", "--config", folder.config], ownEnv, folder.home);
    opened.push(() => client.close());
    narrator.line(`portwright mcp answers as ${client.server} after ${seconds(connectMs)} (its daemon started cold)`);

    await tellStory(client, shop, narrator);
    if (keep) {
      holding = true;
      sayHowToUse(narrator, self, folder);
      return interruption.promise;
    }
    await endStory(client, narrator);
    return 0;
  };

  let exitCode: number;
  try {
    exitCode = await Promise.race([play(), interruption.promise]);
  } catch (thrown) {
    const { message, untrusted } = toConnectivityError(thrown);
    narrator.line(`The demo failed: ${message}${untrusted ? `\n${untrusted}` : ""}`);
    exitCode = 1;
  }
  for (const close of opened.toReversed()) await close().catch(() => undefined);
  for (const signal of endSignals) process.off(signal, interrupt);
  if (exitCode === 0 && !keep)
    narrator.line(`Everything is stopped and removed. The whole demo took ${seconds(startedMs)}.`);
  return exitCode;
}

const endSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const interruptedExitCode = 130;
/** What to paste into an AI client, so that it sees this shop. */
function sayHowToUse(
  narrator: Narrator,
  [command, ...words]: readonly [string, ...string[]],
  { home, config }: DemoFolder,
): void {
  const args = [...words, "mcp", "--config", config];
  const server = { command, args, env: { PORTWRIGHT_HOME: home } };
  narrator.step("It stays up until Ctrl-C. For an AI client (Claude Desktop, Cursor, or .mcp.json of Claude Code):");
  narrator.block(JSON.stringify({ mcpServers: { "portwright-demo": server } }, undefined, 2));
  narrator.line("or, for Claude Code, in one line:");
  narrator.block(`claude mcp add portwright-demo -e PORTWRIGHT_HOME=${home} -- ${[command, ...args].join(" ")}`);
  narrator.line("Then ask it: “Is my shop up?”");
}

function withoutPortwright(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("PORTWRIGHT_")));
}

const seconds = (startedMs: number): string => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
