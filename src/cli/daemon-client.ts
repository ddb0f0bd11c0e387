import { ConnectivityError } from "#domain/connectivity-error.ts";
import { clientHello, newClientId } from "#shim/client-hello.ts";
import { parseObject, type DaemonConnection } from "#shim/dial.ts";
import { LineSplitter } from "#shim/line-splitter.ts";
import { reachDaemon } from "#shim/reach-daemon.ts";
import { portwrightVersion } from "../version.ts";
import type { Invocation } from "./command.ts";
import { daemonPlace } from "#shim/daemon-place.ts";
import { showProgress } from "./show-progress.ts";

/** What a tool answered. */
export interface ToolAnswer {
  readonly isError: boolean;
  /** `summary` first. */
  readonly answer: Readonly<Record<string, unknown>>;
}

const protocolVersion = "2026-07-28";
const requestId = 1;

interface Reply {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly message?: unknown };
  readonly error?: { readonly code: number; readonly message: string };
  readonly result?: {
    readonly isError?: boolean;
    readonly resultType?: string;
    readonly structuredContent?: Record<string, unknown>;
    readonly content?: readonly { readonly text?: string }[];
  };
}

/**
 * Calls a tool of the daemon (which is started when none runs) by one stateless request of protocol revision
 * 2026-07-28. Its progress is shown on stderr, when that is a terminal.
 * @throws ConnectivityError `daemon_unreachable`, `invalid_arguments` (no such tool)
 */
export async function callTool(
  invocation: Invocation,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<ToolAnswer> {
  const { config, cwd, env, stderr } = invocation;
  const connection = await reachDaemon(
    daemonPlace(invocation),
    clientHello({
      id: newClientId(),
      version: portwrightVersion,
      client: "terminal",
      config,
      terminal: stderr.isTTY === true,
      env,
      cwd,
    }),
  );
  if (connection.answer.notice !== undefined) stderr.write(`portwright: ${connection.answer.notice}\n`);
  using progress = showProgress(stderr);
  const request = {
    jsonrpc: "2.0",
    id: requestId,
    method: "tools/call",
    params: {
      name,
      arguments: args,
      _meta: {
        "io.modelcontextprotocol/protocolVersion": protocolVersion,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { name: "terminal", version: portwrightVersion },
        progressToken: requestId,
      },
    },
  };
  const reply = await converse(connection, request, (message) => progress.show(message));
  return toAnswer(reply, name);
}

/** Writes one request and reads until its answer; then the connection is closed. */
function converse(
  { socket, received }: DaemonConnection,
  request: object,
  onProgress: (message: string) => void,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const splitter = new LineSplitter();
    const take = (chunk: Buffer): void => {
      for (const line of splitter.push(chunk)) {
        const reply: Reply | undefined = parseObject(line);
        if (reply?.method === "notifications/progress" && typeof reply.params?.message === "string") {
          onProgress(reply.params.message);
        }
        if (reply?.id !== requestId || reply.method !== undefined) continue;
        resolve(reply);
        socket.destroy();
      }
    };
    socket.on("data", take);
    socket.on("close", () =>
      reject(new ConnectivityError("daemon_unreachable", "the daemon ended during the call; call again")),
    );
    if (received.length > 0) take(received);
    socket.write(`${JSON.stringify(request)}\n`);
    socket.resume();
  });
}

function toAnswer({ error, result }: Reply, name: string): ToolAnswer {
  if (error !== undefined || result === undefined) {
    throw new ConnectivityError(
      "invalid_arguments",
      `the daemon refused to call ${name}; is it the name of a tool, such as get_status or start_environment?`,
      { tool: name, ...(error !== undefined && { code: error.code }) },
      error === undefined ? {} : { untrusted: error.message },
    );
  }
  const summary = result.content?.find(({ text }) => text !== undefined)?.text ?? "";
  return { isError: result.isError === true, answer: result.structuredContent ?? { summary } };
}
