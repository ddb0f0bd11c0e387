/**
 * The clients that must work, as they come from their packages: the official one in each era, and that of the first SDK
 * line. `forEachClient` runs a suite with each of them over stdio, or over streams.
 */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as FirstLineClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as FirstLineStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { describe } from "vitest";
import type { StreamTransport } from "./stream-transport.ts";

/** A server to start; `env` is the whole environment of the process. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

interface CallOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
  /** Default 60 s, as common clients have it. */
  readonly timeoutMs?: number;
}

// What a test reads from an answer is for the test to know.
// oxlint-disable-next-line typescript/no-explicit-any
export type Facts = Record<string, any>;

export interface CallResult {
  /** `structuredContent`: the whole answer. */
  readonly answer: Facts;
  /** `content` as one text. */
  readonly text: string;
  readonly isError: boolean;
}

/** The same face on every client. */
export interface McpClient {
  readonly name: string;
  /** The process behind it: a shim's or server's; absent over streams. */
  readonly pid: number | undefined;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  /** What the process wrote to stderr so far. */
  stderr(): string;
  instructions(): string;
  serverInfo(): Facts;
  listTools(): Promise<Facts[]>;
  callTool(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<CallResult>;
  listResources(): Promise<Facts[]>;
  listResourceTemplates(): Promise<Facts[]>;
  /** The JSON of one resource. */
  readResource(uri: string): Promise<Facts>;
  listPrompts(): Promise<Facts[]>;
  /** The text of a prompt's messages. */
  getPrompt(name: string, args?: Record<string, string>): Promise<string>;
  complete(ref: { prompt: string } | { template: string }, argument: string, value: string): Promise<string[]>;
  close(): Promise<void>;
}

/** Over stdio to a started process, or over streams within this one. */
type Target = Command | StreamTransport;
export type Connect = (target: Target, options?: { readonly clientName?: string }) => Promise<McpClient>;

const isCommand = (target: Target): target is Command => "command" in target;

const firstText = (content: readonly unknown[]): string =>
  content.map((part) => (part as { text?: string }).text ?? "").join("\n");

function stdioParameters({ command, args, env, cwd }: Command) {
  return { command, args: [...args], stderr: "pipe" as const, ...(env && { env: { ...env } }), ...(cwd && { cwd }) };
}

/** The part of both SDK lines' clients that is the same. */
interface AnyClient {
  onclose?: () => void;
  connect(transport: unknown): Promise<void>;
  getInstructions(): string | undefined;
  getServerVersion(): unknown;
  listTools(): Promise<{ tools: Facts[] }>;
  listResources(): Promise<{ resources: Facts[] }>;
  listResourceTemplates(): Promise<{ resourceTemplates: Facts[] }>;
  readResource(params: { uri: string }): Promise<{ contents: unknown[] }>;
  listPrompts(): Promise<{ prompts: Facts[] }>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<{ messages: unknown[] }>;
  complete(params: unknown): Promise<{ completion: { values: string[] } }>;
  close(): Promise<void>;
}

interface Dialect {
  readonly client: AnyClient;
  readonly transport: { readonly pid?: number | null; readonly stderr?: NodeJS.EventEmitter | null };
  readonly call: (name: string, args: Record<string, unknown>, options: Facts) => Promise<Facts>;
}

async function connected(name: string, { client, transport, call }: Dialect): Promise<McpClient> {
  let stderr = "";
  const closed = new Promise<void>((resolve) => (client.onclose = resolve));
  const connecting = client.connect(transport);
  transport.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  await connecting;
  // The first-line client checks answers only against the schemas that it has seen in a list.
  await client.listTools();
  return {
    name,
    pid: transport.pid ?? undefined,
    closed,
    stderr: () => stderr,
    instructions: () => client.getInstructions() ?? "",
    serverInfo: () => client.getServerVersion() as Facts,
    listTools: async () => (await client.listTools()).tools,
    callTool: async (tool, args = {}, { onProgress, signal, timeoutMs = 60_000 } = {}) => {
      const options = {
        timeout: timeoutMs,
        ...(signal && { signal }),
        ...(onProgress && { onprogress: (progress: Progress) => onProgress(progress) }),
      };
      const result = await call(tool, args, options);
      return {
        answer: (result["structuredContent"] ?? {}) as Facts,
        text: firstText(result["content"] as unknown[]),
        isError: result["isError"] === true,
      };
    },
    listResources: async () => (await client.listResources()).resources,
    listResourceTemplates: async () => (await client.listResourceTemplates()).resourceTemplates,
    readResource: async (uri) => JSON.parse(firstText((await client.readResource({ uri })).contents)) as Facts,
    listPrompts: async () => (await client.listPrompts()).prompts,
    getPrompt: async (prompt, args = {}) => {
      const { messages } = await client.getPrompt({ name: prompt, arguments: args });
      return firstText(messages.map((message) => (message as { content: unknown }).content));
    },
    complete: async (ref, argument, value) => {
      const wireRef =
        "prompt" in ref ? { type: "ref/prompt", name: ref.prompt } : { type: "ref/resource", uri: ref.template };
      return (await client.complete({ ref: wireRef, argument: { name: argument, value } })).completion.values;
    },
    close: () => client.close(),
  };
}

type Mode = "legacy" | { readonly pin: string };

const official =
  (label: string, mode: Mode): Connect =>
  (target, { clientName = "test-client" } = {}) => {
    const client = new Client({ name: clientName, version: "1.0.0" }, { versionNegotiation: { mode } });
    const transport = isCommand(target) ? new StdioClientTransport(stdioParameters(target)) : target;
    return connected(label, {
      client: client,
      transport: transport as Dialect["transport"],
      call: (name, args, options) => client.callTool({ name, arguments: args }, options),
    });
  };

const firstLine: Connect = (target, { clientName = "test-client" } = {}) => {
  const client = new FirstLineClient({ name: clientName, version: "1.0.0" });
  const transport = isCommand(target) ? new FirstLineStdio(stdioParameters(target)) : target;
  return connected("sdk 1.x", {
    client: client,
    transport: transport as Dialect["transport"],
    call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
  });
};

/** By name: the eras of the official client, and the client of the first SDK line. */
export const clients: ReadonlyMap<string, Connect> = new Map([
  ["client 2.x, 2025-11-25", official("client 2.x, 2025-11-25", "legacy")],
  ["client 2.x, 2026-07-28", official("client 2.x, 2026-07-28", { pin: "2026-07-28" })],
  ["sdk 1.x, 2025-11-25", firstLine],
]);

/** A `describe` block for each client. */
export function forEachClient(suite: (name: string, connect: Connect) => void): void {
  describe.each([...clients])("%s", (name, connect) => {
    suite(name, connect);
  });
}
