import { ConnectivityError } from "#domain/connectivity-error.ts";
import { clientHello, newClientId } from "#shim/client-hello.ts";
import { daemonPlace } from "#shim/daemon-place.ts";
import { parseObject } from "#shim/dial.ts";
import { LineSplitter } from "#shim/line-splitter.ts";
import { reachDaemon } from "#shim/reach-daemon.ts";
import { portwrightVersion } from "../version.ts";
import type { Invocation } from "./command.ts";

/** What a tool answered. */
export interface ToolAnswer {
  readonly isError: boolean;
  /** `summary` first. */
  readonly answer: Readonly<Record<string, unknown>>;
}

/** One connection to the daemon, as one client of it, for any number of calls. */
export interface DaemonSession extends Disposable {
  /**
   * Calls a tool by one stateless request of protocol revision 2026-07-28.
   * @throws ConnectivityError `daemon_unreachable`, `invalid_arguments` (no such tool)
   */
  call(
    name: string,
    args: Readonly<Record<string, unknown>>,
    onProgress?: (message: string) => void,
  ): Promise<ToolAnswer>;
}

const protocolVersion = "2026-07-28";

interface Reply {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly message?: unknown; readonly progressToken?: unknown };
  readonly error?: { readonly code: number; readonly message: string };
  readonly result?: {
    readonly isError?: boolean;
    readonly structuredContent?: Record<string, unknown>;
    readonly content?: readonly { readonly text?: string }[];
  };
}

interface Pending {
  resolve(reply: Reply): void;
  reject(error: unknown): void;
  readonly onProgress: (message: string) => void;
}

/** Connects to the daemon, which is started when none runs. @throws ConnectivityError `daemon_unreachable` */
export async function openSession(invocation: Invocation): Promise<DaemonSession> {
  const { config, cwd, env, stderr } = invocation;
  const hello = clientHello({
    id: newClientId(),
    version: portwrightVersion,
    client: "terminal",
    config,
    terminal: stderr.isTTY === true,
    env,
    cwd,
  });
  const { socket, received, answer } = await reachDaemon(daemonPlace(invocation), hello);
  if (answer.notice !== undefined) stderr.write(`portwright: ${answer.notice}\n`);
  const pending = new Map<unknown, Pending>();
  const splitter = new LineSplitter();
  const take = (chunk: Buffer): void => {
    for (const line of splitter.push(chunk)) {
      const reply: Reply | undefined = parseObject(line);
      if (reply?.method === "notifications/progress" && typeof reply.params?.message === "string") {
        pending.get(reply.params.progressToken)?.onProgress(reply.params.message);
      }
      if (reply === undefined || reply.method !== undefined) continue;
      pending.get(reply.id)?.resolve(reply);
      pending.delete(reply.id);
    }
  };
  socket.on("data", take);
  socket.on("close", () => {
    for (const waiting of pending.values())
      waiting.reject(new ConnectivityError("daemon_unreachable", "the daemon ended during the call; call again"));
    pending.clear();
  });
  if (received.length > 0) take(received);
  socket.resume();
  let lastId = 0;
  return {
    async call(name, args, onProgress = () => undefined) {
      const id = ++lastId;
      if (socket.destroyed) throw new ConnectivityError("daemon_unreachable", "the daemon ended; call again");
      const reply = new Promise<Reply>((resolve, reject) => pending.set(id, { resolve, reject, onProgress }));
      socket.write(`${JSON.stringify(request(id, name, args))}\n`);
      return toAnswer(await reply, name);
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

const request = (id: number, name: string, args: object): object => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: {
    name,
    arguments: args,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": protocolVersion,
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": { name: "terminal", version: portwrightVersion },
      progressToken: id,
    },
  },
});

function toAnswer({ error, result }: Reply, name: string): ToolAnswer {
  if (error !== undefined || result === undefined) {
    throw new ConnectivityError(
      "invalid_arguments",
      `the daemon refused to call ${name}; is it the name of a tool, such as get_status or start_environment? Those of a set need it named (--tools ssh)`,
      { tool: name, ...(error !== undefined && { code: error.code }) },
      error === undefined ? {} : { untrusted: error.message },
    );
  }
  const summary = result.content?.find(({ text }) => text !== undefined)?.text ?? "";
  return { isError: result.isError === true, answer: result.structuredContent ?? { summary } };
}
