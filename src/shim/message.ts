import { parseObject } from "./dial.ts";
import type { RequestId } from "./answers.ts";

/** A JSON-RPC message, as far as a relay must understand it. */
export type Message =
  | {
      readonly kind: "request";
      readonly id: RequestId;
      readonly method: string;
      readonly params: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "notification"; readonly method: string; readonly params: Readonly<Record<string, unknown>> }
  | { readonly kind: "response"; readonly id: RequestId; readonly failed: boolean }
  /** A batch, or something that this relay does not know. */
  | { readonly kind: "other" };

/** One line as a message; `undefined` when it is not JSON. */
export function readMessage(line: Buffer): Message | undefined {
  const value = parseObject(line) as Readonly<Record<string, unknown>> | undefined;
  if (value === undefined) return undefined;
  const { id, method } = value;
  const params = typeof value["params"] === "object" && value["params"] !== null ? value["params"] : {};
  const hasId = typeof id === "string" || typeof id === "number";
  if (typeof method === "string") {
    const facts = { method, params: params as Readonly<Record<string, unknown>> };
    return hasId ? { kind: "request", id, ...facts } : { kind: "notification", ...facts };
  }
  return hasId ? { kind: "response", id, failed: "error" in value } : { kind: "other" };
}

/** Ids of both types side by side: `1` and `"1"` differ. */
export const idKey = (id: RequestId): string => JSON.stringify(id);

/** The client's name, from the handshake or from the envelope of a stateless request. */
export function clientName(params: Readonly<Record<string, unknown>>): string | undefined {
  const meta = params["_meta"] as Readonly<Record<string, unknown>> | undefined;
  const info = (params["clientInfo"] ?? meta?.["io.modelcontextprotocol/clientInfo"]) as { name?: unknown } | undefined;
  return typeof info?.name === "string" && info.name !== "" ? info.name.slice(0, 200) : undefined;
}

/** Whether a request carries the envelope of protocol revision 2026-07-28: it needs no handshake. */
export function isStateless(params: Readonly<Record<string, unknown>>): boolean {
  const meta = params["_meta"] as Readonly<Record<string, unknown>> | undefined;
  return typeof meta?.["io.modelcontextprotocol/protocolVersion"] === "string";
}
