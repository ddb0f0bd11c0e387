import { duplexPair, type Duplex } from "node:stream";
import type { ClientHello, ClientSession } from "#application/client.ts";
import type { Answer } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";
import type { ServerLog } from "../../src/server/mcp/boundary.ts";
import { serveMcp, type ServedConnection } from "../../src/server/mcp/serve-mcp.ts";
import { StreamTransport } from "../support/stream-transport.ts";

const hello: ClientHello = {
  id: "c1",
  name: "test",
  version: "1",
  cwd: "/",
  terminal: false,
  env: {},
};

/** A session that remembers the names that it was given. */
export function testSession(env: Readonly<Record<string, string>> = {}): ClientSession & { readonly names: string[] } {
  const names: string[] = [];
  return {
    hello: { ...hello, env },
    workspace: undefined,
    names,
    rename: (name) => names.push(name),
    [Symbol.dispose]: () => undefined,
  };
}

/** Every message that the server logged. */
export function testLog(): ServerLog & { readonly lines: { fields: object; message: string }[] } {
  const lines: { fields: object; message: string }[] = [];
  const add = (fields: object, message: string): void => void lines.push({ fields, message });
  return { lines, debug: add, warn: add, error: add };
}

const ok = (summary: string, facts: object = {}): Promise<Answer> => Promise.resolve({ summary, ...facts });

/** The application behind the surface, as a test wants it: quiet answers but for what it brings itself. */
export function testUseCases(own: Partial<UseCases> = {}): UseCases {
  return {
    startEnvironment: () => ok("dev: 1 of 1 ready.", { state: "ready", services: [{ service: "db", state: "ready" }] }),
    stopEnvironment: () => ok("Stopped db.", { stopped: ["db"] }),
    getStatus: () => ok("dev: 1 of 1 ready.", { state: "ready" }),
    discoverTargets: () => ok("1 target fits.", { targets: [{ target: "a/b/service/c:1" }] }),
    connect: () => ok("c is ready.", { state: "ready" }),
    controlService: ({ service }) => ok("Done.", { service, state: "ready" }),
    diagnose: ({ service }) =>
      ok("Nothing is wrong.", { ...(service && { service }), status: "healthy", healthy: true }),
    probe: () => ok("It answers.", { ok: true }),
    waitFor: () => ok("It is ready.", { done: true }),
    getHistory: () => ok("Nothing changed.", { entries: [] }),
    configureService: () => ok("Adds redis.", { plan_id: "add-redis-7c2f", risk: "low" }),
    removeService: () => ok("Removes redis.", { plan_id: "remove-redis-7c2f", risk: "review" }),
    applyPlan: () => ok("Applied as generation 2.", { outcome: "applied", generation: 2 }),
    query: () => ok("Nothing was recorded.", { rows: [] }),
    listSshHosts: () => ok("1 of 1 SSH hosts.", { hosts: [{ host: "bastion" }], total: 1 }),
    inspectSshKeys: () => ok("No SSH keys.", { keys: [] }),
    readStatus: () => ok("dev: 1 of 1 ready.", { state: "ready" }),
    readService: (_client, name) => ok(`${name} is ready.`, { service: name }),
    readCluster: (_client, name) => ok(`${name} is a cluster.`, { context: name }),
    clusterNames: () => Promise.resolve(["staging"]),
    serviceNames: () => Promise.resolve(["orders", "orders-db", "payments"]),
    environmentNames: () => Promise.resolve(["dev", "staging"]),
    ...own,
  };
}

/** A server that is being served within this process, and the client's end of its streams. */
export interface Served {
  readonly session: ReturnType<typeof testSession>;
  readonly log: ReturnType<typeof testLog>;
  readonly connection: ServedConnection;
  readonly transport: StreamTransport;
  /** The client's end: what is written here the server reads. */
  readonly far: Duplex;
}

export function serve(own: Partial<UseCases> = {}, env: Readonly<Record<string, string>> = {}): Served {
  const [near, far] = duplexPair();
  const session = testSession(env);
  const log = testLog();
  const connection = serveMcp(near, near, session, testUseCases(own), log, "1.2.3");
  return { session, log, connection, transport: new StreamTransport(far, far), far };
}
