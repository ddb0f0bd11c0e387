import { CLIENT_INFO_META_KEY, type ServerContext } from "@modelcontextprotocol/server";
import type { ClientSession } from "#application/client.ts";
import { cleanName } from "#application/surface/untrusted.ts";
import type { UseCases } from "#application/surface/use-cases.ts";
import type { ServerLog } from "./boundary.ts";

/** What every handler of one client's connection works with. */
export interface Connection {
  readonly session: ClientSession;
  readonly useCases: UseCases;
  readonly log: ServerLog;
  /** Learns the client's name from a request of the 2026-07-28 era, where each carries it. */
  noteClient(request: ServerContext): void;
  /** Learns the client's name from the handshake of the 2025-11-25 era. */
  nameClient(name: unknown): void;
}

/** Ties a session to its use cases, and passes the client's name on once it is known and whenever it changes. */
export function createConnection(session: ClientSession, useCases: UseCases, log: ServerLog): Connection {
  let known: string | undefined;
  const nameClient = (name: unknown): void => {
    if (typeof name !== "string") return;
    const clean = cleanName(name);
    if (clean === "" || clean === known) return;
    known = clean;
    session.rename(clean);
  };
  return {
    session,
    useCases,
    log,
    nameClient,
    noteClient: ({ mcpReq }) => {
      const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
      nameClient((envelope[CLIENT_INFO_META_KEY] as { readonly name?: unknown } | undefined)?.name);
    },
  };
}
