import type http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import { callbackify } from "node:util";
import { nodeHttp } from "#adapters/net/node-http.ts";
import type { ClusterContext } from "../config/cluster-context.ts";
import { type Authorization, certificateMark, type Credentials } from "../config/credentials.ts";
import { dialServer, type ProxyTrust } from "./server-dial.ts";
import type { ServerWay } from "./server-way.ts";
import { systemAuthorities } from "./system-authorities.ts";

/** Unused connections are kept this long: a burst of requests and tunnels then shares handshakes. */
const idleMs = 20_000;
/** A dead peer is noticed in about 20 s: the first probe after this, then ten at one second each (libuv). */
const keepAliveMs = 10_000;
/** Hops and proxy together; the request's own limit is as long. */
const dialTimeoutMs = 10_000;

/** Where an API server is, as a host without brackets and a port. */
export function serverEnd(server: URL): { readonly host: string; readonly port: number } {
  const usual = server.protocol === "https:" ? 443 : 80;
  return {
    host: server.hostname.replaceAll(/^\[|\]$/g, ""),
    port: server.port === "" ? usual : Number(server.port),
  };
}

/** The kept connections to one API server: plain requests, watches and tunnels all come from here. */
export class ServerConnections {
  readonly #context: ClusterContext;
  readonly #credentials: Credentials;
  readonly #ending = new AbortController();
  #current: { readonly mark: string; readonly agent: http.Agent } | undefined;

  constructor(context: ClusterContext, credentials: Credentials) {
    this.#context = context;
    this.#credentials = credentials;
  }

  /** One agent for as long as way and certificates stay: rotated ones get fresh connections. @throws as `Credentials` */
  async agent(authorization: Authorization, way: ServerWay): Promise<http.Agent> {
    const encrypted = this.#context.server.protocol === "https:";
    const ca = encrypted ? await this.#credentials.certificateAuthority() : undefined;
    const mark = `${way.key}:${encrypted ? certificateMark(authorization) : ""}:${ca?.toString("latin1") ?? ""}`;
    if (this.#current?.mark !== mark) {
      const agent = encrypted ? this.#encrypted(authorization, ca) : new nodeHttp.Agent(common);
      if (way.route !== undefined || way.proxy !== undefined)
        this.#lead(agent, way, { ca, insecure: this.#context.tls.insecure });
      this.#current = { mark, agent };
    }
    return this.#current.agent;
  }

  /** Closes unused connections: they may be dead without a word. What is in use goes on. */
  dropUnused(): void {
    for (const sockets of Object.values(this.#current?.agent.freeSockets ?? {}))
      for (const socket of sockets ?? []) socket.destroy();
  }

  /** Closes unused connections and ends dials; tunnels live on. */
  close(): void {
    this.#ending.abort();
    this.#current?.agent.destroy();
    this.#current = undefined;
  }

  #encrypted(authorization: Authorization, ca: Buffer | undefined): https.Agent {
    const { serverName, insecure } = this.#context.tls;
    return new https.Agent({
      ...common,
      // One for all connections: each would parse the certificates again, and keep its own.
      secureContext: createSecureContext({ ...authorization.certificate, ca: ca ?? systemAuthorities() }),
      rejectUnauthorized: !insecure,
      ...(serverName !== undefined && { servername: serverName }),
      ALPNProtocols: ["http/1.1"],
    });
  }

  /** Lets an agent make its connections by a way that is not straight. */
  #lead(agent: http.Agent, way: ServerWay, trust: ProxyTrust): void {
    const { host, port } = serverEnd(this.#context.server);
    const encrypted = this.#context.server.protocol === "https:";
    const over = agent.createConnection.bind(agent);
    const dial = async (): Promise<Duplex> => {
      const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(dialTimeoutMs)]);
      return dialServer(way, { host, port }, trust, signal);
    };
    agent.createConnection = (options, callback) => {
      const wrap = (socket: Duplex): Duplex =>
        encrypted ? (over({ ...options, socket } as typeof options) as Duplex) : likeSocket(socket);
      // The agent takes an error alone, which the type does not know.
      callbackify(async () => wrap(await dial()))(callback as (error: Error | null, socket?: Duplex) => void);
      return undefined;
    };
  }
}

const common = { keepAlive: true, keepAliveMsecs: keepAliveMs, timeout: idleMs, scheduling: "lifo" as const };

/** A plain stream of a hop with the methods of a socket that Node's agent and our tunnels call; a hop looks after its own life. */
function likeSocket(stream: Duplex): Duplex {
  const same = (): Duplex => stream;
  const missing = (["setKeepAlive", "setNoDelay", "setTimeout", "ref", "unref"] satisfies (keyof Socket)[]).filter(
    (name) => !(name in stream),
  );
  return Object.assign(stream, Object.fromEntries(missing.map((name) => [name, same])));
}
