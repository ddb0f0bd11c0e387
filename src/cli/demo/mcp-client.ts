import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** What a tool answered: its `structuredContent`. */
export type ToolAnswer = Readonly<Record<string, unknown>>;

/** An MCP client as small as one can be: JSON-RPC lines over a child's stdin and stdout, the handshake of 2025-11-25. */
export interface McpClient {
  /** Name and version as the server told them. */
  readonly server: string;
  /** @throws ConnectivityError `internal_error` when the answer is an error, `operation_timed_out`, `daemon_unreachable` when the child ended */
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<ToolAnswer>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly result?: ToolAnswer;
  readonly error?: { readonly message?: string };
}

const answerTimeoutMs = 30_000;
const keptStderr = 4096;

export async function connectMcp(
  [program, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<McpClient> {
  const child = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
  const waiting = new Map<number, PromiseWithResolvers<ToolAnswer>>();
  let said = "";
  let nextId = 1;
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-keptStderr)));
  // Told by `exit`, with what it said.
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line) as Message;
    const pending = message.id === undefined ? undefined : waiting.get(message.id);
    if (!pending || message.id === undefined) return;
    waiting.delete(message.id);
    if (message.result) pending.resolve(message.result);
    else pending.reject(failed(`the server answered with an error: ${message.error?.message ?? "none given"}`));
  });
  const gone = (): void => {
    const error = new ConnectivityError("daemon_unreachable", "portwright mcp ended", {}, { untrusted: said.trim() });
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  child.on("error", gone);
  child.on("exit", gone);

  const send = (message: object): void => {
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  };
  const request = async (method: string, params: object): Promise<ToolAnswer> => {
    const pending = Promise.withResolvers<ToolAnswer>();
    const id = nextId++;
    waiting.set(id, pending);
    const timer = setTimeout(() => {
      waiting.delete(id);
      pending.reject(
        new ConnectivityError("operation_timed_out", `${method} was not answered in ${answerTimeoutMs / 1000} s`),
      );
    }, answerTimeoutMs);
    send({ id, method, params });
    return pending.promise.finally(() => clearTimeout(timer));
  };

  const clientInfo = { name: "portwright-demo", version: "1" };
  const hello = await request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
  send({ method: "notifications/initialized" });
  const { name, version } = hello["serverInfo"] as { readonly name: string; readonly version: string };
  return {
    server: `${name} ${version}`,
    async call(tool, args) {
      const result = await request("tools/call", { name: tool, arguments: args });
      const answer = result["structuredContent"] as ToolAnswer | undefined;
      if (result["isError"] !== true && answer) return answer;
      const summary = answer?.["summary"];
      throw failed(`${tool} failed: ${typeof summary === "string" ? summary : "it says nothing"}`);
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(timer);
    },
  };
}

const failed = (message: string): ConnectivityError => new ConnectivityError("internal_error", message);
