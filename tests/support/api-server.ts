import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Pod } from "#domain/kubernetes/pod.ts";
import { ServerChannels } from "./api-server-channels.ts";
import { ServerTunnel } from "./api-server-tunnel.ts";
import { serverCertificate } from "./test-certificates.ts";

export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

interface Watcher {
  readonly resource: string;
  readonly matches: (object: ApiObject) => boolean;
  readonly response: ServerResponse;
}

export interface ApiServerOptions {
  /** Accepted bearer tokens; absent: everybody is. */
  readonly tokens?: Set<string>;
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** Verbs on pods/portforward that the access review allows. */
  readonly allowed?: readonly string[];
  /** Protocols that the port-forward offers. */
  readonly protocols?: readonly ("websocket" | "spdy" | "v4")[];
  /** Protocols that it agrees to and then carries nothing of, as a gateway may. */
  readonly deafTo?: readonly ("websocket" | "spdy")[];
  /** Answers to upgrades that it does not offer; default: 400. */
  readonly refusal?: string;
}

/** An API server in this process: HTTPS with lists, watches, access reviews and port-forwards to 127.0.0.1. */
export class ApiServer implements AsyncDisposable {
  readonly #options: ApiServerOptions;
  readonly #server: https.Server;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<Watcher>();
  readonly #objects = new Map<string, Map<string, ApiObject>>();
  readonly #history: { readonly resource: string; readonly type: string; readonly object: ApiObject }[] = [];
  #version = 100;
  readonly tunnels = new Set<ServerTunnel>();
  readonly channels = new Set<ServerChannels>();
  readonly #pods = new WeakMap<ServerTunnel, string>();
  /** Pods whose kubelet does not answer the API server. */
  readonly unreachable = new Set<string>();
  /** Pods in which nothing listens any more, which the cluster does not know yet. */
  readonly refusing = new Set<string>();
  /** Lists and watches that are answered with 403. */
  denies: (asked: { readonly resource: string; readonly narrow: boolean; readonly watch: boolean }) => boolean = () =>
    false;
  /** Watches that are open now hear nothing any more, as behind a connection that died without a word. */
  deafen(): void {
    for (const watcher of this.#watchers) this.#deaf.add(watcher);
  }
  readonly #deaf = new Set<Watcher>();
  /** `GET /api/v1/…` of every request, without the query. */
  readonly requests: string[] = [];
  /** Names and values of the newest request's headers, as they were sent. */
  headers: readonly string[] = [];
  opened = 0;
  /** How long the pods' node takes until it gets to connecting to a pod. */
  dialMs = 0;
  /** Upgrades are not answered at all while this is set. */
  holdUpgrades = false;

  private constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#server = https.createServer(options.certificate ?? serverCertificate, (request, response) =>
      this.#answer(request, response),
    );
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const server = new ApiServer(options);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    server.put("namespaces", { metadata: { name: "default" } });
    return server;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A kubeconfig as YAML (JSON is YAML). */
  kubeconfig(user: unknown = { token: "good" }, cluster: Readonly<Record<string, unknown>> = {}): string {
    const ca = Buffer.from((this.#options.certificate ?? serverCertificate).cert).toString("base64");
    return JSON.stringify({
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      clusters: [{ name: "test", cluster: { server: this.url, "certificate-authority-data": ca, ...cluster } }],
      users: [{ name: "test", user }],
    });
  }

  put(resource: string, object: ApiObject): void {
    const known = this.#kind(resource).has(object.metadata.name);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.#kind(resource).set(object.metadata.name, stored);
    this.#emit(resource, known ? "MODIFIED" : "ADDED", stored);
  }

  delete(resource: string, name: string): void {
    const object = this.#kind(resource).get(name);
    if (object === undefined || !this.#kind(resource).delete(name)) return;
    this.#emit(resource, "DELETED", {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(++this.#version) },
    });
  }

  /** A pod that is ready, unless its status says otherwise. */
  putPod(
    name: string,
    pod: Partial<Omit<Pod, "metadata">> & { readonly metadata?: Partial<Pod["metadata"]> } = {},
  ): void {
    this.put("pods", {
      spec: { containers: [{ name: "main", ports: [{ name: "http", containerPort: 8080 }] }] },
      status: {
        phase: "Running",
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [{ name: "main", ready: true, state: { running: {} } }],
      },
      ...pod,
      metadata: { name, namespace: "default", uid: `uid-${name}`, labels: { app: "web" }, ...pod.metadata },
    });
  }

  /** Ends every watch with 410, as after a compaction. */
  expireWatches(): void {
    for (const { response } of this.#watchers) {
      response.end(`${JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, metadata: {} } })}\n`);
    }
    this.#watchers.clear();
  }

  /** Breaks every watch off. */
  cutWatches(): void {
    for (const { response } of this.#watchers) response.destroy();
  }

  get watches(): number {
    return this.#watchers.size;
  }

  /** Forwarded connections that are open to a pod. */
  streamsTo(pod: string): number {
    return [...this.tunnels]
      .filter((tunnel) => this.#pods.get(tunnel) === pod)
      .reduce((sum, tunnel) => sum + tunnel.streams, 0);
  }

  /** Goes away as a killed process does. */
  async cut(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #kind(resource: string): Map<string, ApiObject> {
    const kind = this.#objects.get(resource) ?? new Map<string, ApiObject>();
    this.#objects.set(resource, kind);
    return kind;
  }

  #emit(resource: string, type: string, object: ApiObject): void {
    this.#history.push({ resource, type, object });
    for (const watcher of this.#watchers) {
      if (watcher.resource === resource && watcher.matches(object) && !this.#deaf.has(watcher))
        watcher.response.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  #authorized(request: IncomingMessage): boolean {
    const { tokens } = this.#options;
    return tokens === undefined || tokens.has((request.headers.authorization ?? "").replace("Bearer ", ""));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    this.headers = request.rawHeaders;
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    };
    if (!this.#authorized(request)) return send(401, { kind: "Status", message: "Unauthorized" });
    if (url.pathname === "/version") return send(200, { gitVersion: "v1.34.0" });
    if (url.pathname.endsWith("/selfsubjectaccessreviews")) {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const review = JSON.parse(Buffer.concat(chunks).toString()) as {
          spec: { resourceAttributes: { verb: string } };
        };
        const allowed = this.#options.allowed ?? ["get", "create"];
        send(201, { status: { allowed: allowed.includes(review.spec.resourceAttributes.verb) } });
      });
      return;
    }
    const match = /^\/apis?\/.*?(?:namespaces\/([^/]+)\/)?([a-z]+)(?:\/([^/]+))?$/.exec(url.pathname);
    const [, , resource = "", name] = match ?? [];
    if (name !== undefined) {
      const object = this.#kind(resource).get(name);
      return object === undefined
        ? send(404, { kind: "Status", message: `${resource} "${name}" not found` })
        : send(200, object);
    }
    this.#list(resource, url.searchParams, response, send);
  }

  #list(
    resource: string,
    query: URLSearchParams,
    response: ServerResponse,
    send: (status: number, body: unknown) => void,
  ): void {
    const labels = (query.get("labelSelector") ?? "").split(",").filter((part) => part.includes("="));
    const narrow = query.has("labelSelector") || query.has("fieldSelector");
    if (this.denies({ resource, narrow, watch: query.get("watch") === "true" }))
      return send(403, { kind: "Status", message: `${resource} is forbidden` });
    const field = /^metadata\.name=(.*)$/.exec(query.get("fieldSelector") ?? "")?.[1];
    const matches = ({ metadata }: ApiObject): boolean =>
      (field === undefined || metadata.name === field) &&
      labels.every((part) => metadata.labels?.[part.split("=")[0] ?? ""] === part.split("=")[1]);
    if (query.get("watch") === "true") {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.flushHeaders();
      const watcher = { resource, matches, response };
      this.#watchers.add(watcher);
      response.on("close", () => this.#watchers.delete(watcher));
      const since = Number(query.get("resourceVersion"));
      for (const event of this.#history) {
        const later = Number(event.object.metadata.resourceVersion) > since;
        if (later && event.resource === resource && matches(event.object)) {
          response.write(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
        }
      }
      response.write(
        `${JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: String(this.#version) } } })}\n`,
      );
      return;
    }
    const items = [...this.#kind(resource).values()].filter(matches);
    const from = Number(query.get("continue") ?? 0);
    const to = from + Number(query.get("limit") ?? items.length);
    send(200, {
      metadata: { resourceVersion: String(this.#version), ...(to < items.length && { continue: String(to) }) },
      items: items.slice(from, to),
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.requests.push(`UPGRADE ${request.method} ${request.url}`);
    socket.on("error", () => {});
    if (this.holdUpgrades) return;
    const refuse = (status: string): void => {
      const body = JSON.stringify({ kind: "Status", message: "refused by the test" });
      socket.end(
        `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    };
    if (!this.#authorized(request)) return refuse("401 Unauthorized");
    const url = new URL(request.url ?? "/", this.url);
    const pod = /\/pods\/([^/]+)\/portforward$/.exec(url.pathname)?.[1] ?? "";
    if (!this.#kind("pods").has(pod)) return refuse("404 Not Found");
    if (this.unreachable.has(pod)) return refuse("502 Bad Gateway");
    const webSocket = request.headers["sec-websocket-protocol"] === "v4.channel.k8s.io" ? "v4" : "websocket";
    const framing = request.headers.upgrade === "websocket" ? webSocket : "spdy";
    const protocols = this.#options.protocols ?? ["websocket", "spdy"];
    if (!protocols.includes(framing)) return refuse(this.#options.refusal ?? "400 Bad Request");
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      framing !== "spdy"
        ? `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${request.headers["sec-websocket-protocol"] ?? ""}\r\n\r\n`
        : "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n",
    );
    this.opened++;
    if (framing === "v4") {
      const channels = new ServerChannels(socket, head, Number(url.searchParams.get("ports")), this.dialMs);
      this.channels.add(channels);
      socket.on("close", () => this.channels.delete(channels));
      return;
    }
    const tunnel = new ServerTunnel(socket, head, framing);
    tunnel.deaf = this.#options.deafTo?.includes(framing) ?? false;
    tunnel.refuses = () => this.refusing.has(pod);
    tunnel.dialMs = () => this.dialMs;
    this.tunnels.add(tunnel);
    this.#pods.set(tunnel, pod);
    socket.on("close", () => this.tunnels.delete(tunnel));
  }
}
