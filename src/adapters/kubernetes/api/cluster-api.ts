import type { Agent, IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { nodeHttp } from "#adapters/net/node-http.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Expiry } from "#application/ports/expiry.ts";
import type { Route } from "#application/ports/route.ts";
import type { ClusterContext } from "../config/cluster-context.ts";
import { credentialExpiries, expiresAtMs } from "../config/credential-expiry.ts";
import type { Authorization, Credentials } from "../config/credentials.ts";
import { connectError, type RequestSubject, statusError } from "./api-errors.ts";
import { readBody } from "./read-body.ts";
import { ServerConnections, serverEnd } from "./server-connections.ts";
import { wayTo } from "./server-way.ts";

export interface ApiRequest {
  readonly method?: "GET" | "POST";
  /** Below the server's own path: `/api/v1/pods`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** For errors. */
  readonly subject: RequestSubject;
  readonly access: Access;
  readonly signal: AbortSignal;
}

export interface Upgraded {
  readonly socket: Socket;
  readonly head: Buffer;
  readonly headers: IncomingMessage["headers"];
  readonly encrypted: boolean;
}

type Answer = { readonly response: IncomingMessage } | { readonly upgraded: Upgraded };

/** How long the API server may take for an answer's head. */
const answerTimeoutMs = 10_000;
const maxBody = 32 * 1024 * 1024;
const maxErrorBody = 65_536;

/** Requests to one API server with one context's credentials, by one way to it. */
export class ClusterApi {
  readonly context: ClusterContext;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  readonly #route: Route | undefined;
  readonly #connections: ServerConnections;
  #used: { readonly authorization: Authorization; readonly login: string | undefined } | undefined;

  constructor(context: ClusterContext, credentials: Credentials, clock: Clock, route?: Route) {
    this.context = context;
    this.#credentials = credentials;
    this.#clock = clock;
    this.#route = route;
    this.#connections = new ServerConnections(context, credentials);
  }

  /**
   * @returns the answer's JSON
   * @throws ConnectivityError by `connectError`, `statusError` and the credentials; the signal's reason
   */
  async json<T>(request: ApiRequest): Promise<T> {
    const body = await readBody(await this.stream(request), maxBody, request.signal, this.context);
    try {
      return JSON.parse(body) as T;
    } catch (error) {
      throw new ConnectivityError(
        "cluster_unreachable",
        "what answers at the API server's address is no API server",
        { server: this.context.server.host, context: this.context.name },
        { cause: error, untrusted: body.slice(0, 500) },
      );
    }
  }

  /** The answer as it comes, for watches. Errors as `json`. */
  async stream(request: ApiRequest): Promise<IncomingMessage> {
    const answer = await this.#ask(request);
    if ("response" in answer) return answer.response;
    answer.upgraded.socket.destroy();
    throw statusError(101, "", request.subject, this.context.name);
  }

  /** A connection that the server hands over. Errors as `json`; `forward_refused` when it answers otherwise. */
  async upgrade(request: ApiRequest): Promise<Upgraded> {
    const answer = await this.#ask(request);
    if ("upgraded" in answer) return answer.upgraded;
    const { response } = answer;
    const status = response.statusCode ?? 0;
    response.destroy();
    throw new ConnectivityError("forward_refused", "the API server did not switch to the tunnel's protocol", {
      context: this.context.name,
      status,
    });
  }

  /** Closes unused connections, which may be dead without a word. */
  dropUnused(): void {
    this.#connections.dropUnused();
  }

  /** The hops before it, for people: `ssh bastion`. */
  get via(): string | undefined {
    return this.#route?.via;
  }

  /** The certificates that sign the server's. @throws ConnectivityError `credentials_rejected` (unreadable) */
  certificateAuthority(): Promise<Buffer | undefined> {
    return this.#credentials.certificateAuthority();
  }

  /** What ends about the credential that was used last. */
  expiries(): readonly Expiry[] {
    return this.#used ? credentialExpiries(this.#used.authorization, this.context.name, this.#used.login) : [];
  }

  /** Closes unused connections; tunnels live on. */
  close(): void {
    this.#connections.close();
  }

  async #ask(request: ApiRequest): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const authorization = await this.#credentials.authorization(request.access, request.signal);
      const login = this.#credentials.login(request.access);
      this.#used = { authorization, login };
      const answer = await this.#send(request, authorization);
      if ("upgraded" in answer) return answer;
      const status = answer.response.statusCode ?? 0;
      if (status < 400) return answer;
      const body = await readBody(answer.response, maxErrorBody, request.signal, this.context).catch(() => "");
      if (status === 401 && attempt === 1 && this.#credentials.refused(authorization, request.access)) continue;
      if (status === 401 && attempt > 1) this.#credentials.refusedAgain(authorization, request.access);
      throw this.#refusal(status, body, request.subject, authorization, login);
    }
  }

  #refusal(
    status: number,
    body: string,
    subject: RequestSubject,
    authorization: Authorization,
    login: string | undefined,
  ): ConnectivityError {
    const error = statusError(status, body, subject, this.context.name);
    if (status !== 401) return error;
    const facts = {
      ...error.facts,
      user: this.context.userName,
      credentials: authorization.kind,
      ...(login !== undefined && { login }),
    };
    const endMs = expiresAtMs(authorization);
    const options = error.untrusted === undefined ? {} : { untrusted: error.untrusted };
    if (endMs === undefined || endMs > this.#clock.nowMs()) {
      return new ConnectivityError(error.code, error.message, facts, options);
    }
    return new ConnectivityError(
      "credentials_expired",
      `the ${authorization.kind} of this context has expired`,
      { ...facts, expired_at: new Date(endMs).toISOString() },
      options,
    );
  }

  async #send(request: ApiRequest, authorization: Authorization): Promise<Answer> {
    const way = wayTo(this.context, request.access, this.#route);
    const agent = await this.#connections.agent(authorization, way);
    request.signal.throwIfAborted();
    try {
      return await this.#exchange(request, authorization, agent);
    } catch (error) {
      // An unused connection may have been closed by the server at the moment of its reuse: nothing was done with it.
      if (!(error instanceof StaleConnection)) throw error;
      return this.#exchange(request, authorization, agent);
    }
  }

  #exchange(request: ApiRequest, authorization: Authorization, agent: Agent): Promise<Answer> {
    const { server } = this.context;
    const encrypted = server.protocol === "https:";
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const sent = (encrypted ? https : nodeHttp).request({
      agent,
      ...serverEnd(server),
      method: request.method ?? "GET",
      path: server.pathname.replace(/\/$/, "") + request.path + queryText(request.query),
      headers: {
        Accept: "application/json",
        "User-Agent": "portwright",
        ...(body !== undefined && { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
        ...authorization.headers,
        ...request.headers,
      },
    });
    const timer = setTimeout(
      () => sent.destroy(connectError({ code: "ETIMEDOUT" }, server, this.context.name)),
      answerTimeoutMs,
    );
    let abort = (): void => {};
    const answer = new Promise<Answer>((resolve, reject) => {
      abort = () => {
        reject(request.signal.reason);
        sent.destroy();
      };
      request.signal.addEventListener("abort", abort, { once: true });
      sent.on("error", (error: NodeJS.ErrnoException) => {
        const stale = sent.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        reject(stale ? new StaleConnection() : connectError(error, server, this.context.name));
      });
      sent.on("response", (response) => resolve({ response }));
      sent.on("upgrade", (response, socket, head) => {
        if (request.signal.aborted) socket.destroy();
        resolve({ upgraded: { socket, head, headers: response.headers, encrypted } });
      });
    });
    sent.end(body);
    return answer.finally(() => {
      clearTimeout(timer);
      request.signal.removeEventListener("abort", abort);
    });
  }
}

/** A kept connection that the server had closed. */
class StaleConnection extends ConnectivityError {
  constructor() {
    super("cluster_unreachable", "the API server closed the connection");
  }
}

function queryText(query: ApiRequest["query"]): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.set(name, value);
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
