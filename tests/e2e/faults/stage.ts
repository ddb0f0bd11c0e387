import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { kubectl } from "../../support/cluster.ts";
import { eventually } from "../../support/eventually.ts";
import { testbed } from "../../support/testbed.ts";
import type { StagedPod } from "./fault.ts";

const run = promisify(execFile);

interface GoodConfig {
  readonly cluster: { readonly server: string; readonly "certificate-authority-data"?: string };
  readonly user: object;
}

/** What one fault works with: its names, its folder, its servers. Everything opened here ends with it. */
export class Stage implements AsyncDisposable {
  /** Of the fault: the prefix of all its objects. */
  readonly name: string;
  readonly namespace: string;
  /** A folder of its own. */
  readonly folder: string;
  /** What set-up wants to tell the declaration. */
  readonly notes: Record<string, string | number> = {};
  /** Cuts what is open through a relay. */
  dropping: (() => void) | undefined;
  /** Ends a server of the set-up before its time. */
  ending: (() => PromiseLike<void>) | undefined;
  readonly #open: (() => unknown)[] = [];
  readonly #servers = new Map<number, () => void>();
  readonly #good: GoodConfig;

  constructor(name: string, namespace: string, folder: string, good: GoodConfig) {
    this.name = name;
    this.namespace = namespace;
    this.folder = folder;
    this.#good = good;
  }

  /** Runs last in, first out, at the end. */
  defer(end: () => unknown): void {
    this.#open.push(end);
  }

  /** The address of the API server and who its administrator is. */
  get cluster(): GoodConfig {
    return this.#good;
  }

  /** Writes a kubeconfig with one context, `it`. @returns its path */
  async kubeconfig(cluster: object, user: object, contexts: object = {}): Promise<string> {
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "it",
      contexts: [{ name: "it", context: { cluster: "it", user: "it", ...contexts } }],
      clusters: [{ name: "it", cluster }],
      users: [{ name: "it", user }],
    };
    return this.write("kubeconfig", JSON.stringify(config));
  }

  async write(file: string, text: string, mode = 0o600): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, file);
    await writeFile(path, text, { mode });
    return path;
  }

  read(file: string): Promise<string> {
    return readFile(join(this.folder, file), "utf8");
  }

  kubectl(...args: string[]): Promise<string> {
    return kubectl("-n", this.namespace, ...args);
  }

  /** Waits until the pods of `app: NAME` are where they are to be. */
  async untilPods(reached: (pods: readonly StagedPod[]) => boolean, withinMs = 60_000): Promise<void> {
    await eventually(
      async () => {
        const { items } = JSON.parse(await this.kubectl("get", "pods", "-l", `app=${this.name}`, "-o", "json")) as {
          items: StagedPod[];
        };
        return reached(items);
      },
      withinMs,
      700,
    );
  }

  /** Waits until the cluster warns with this reason about something of the fault's. */
  async untilEvent(reason: string): Promise<void> {
    const about = (): Promise<string> =>
      this.kubectl("get", "events", "--field-selector", `reason=${reason}`, "-o", "jsonpath={..involvedObject.name}");
    await eventually(async () => (await about()).includes(this.name), 60_000, 700);
  }

  /** Runs a program of this machine. */
  async run(program: string, ...args: string[]): Promise<string> {
    return (await run(program, args, { cwd: this.folder })).stdout;
  }

  /** A server of ours on loopback. @returns its port */
  async listen(server: net.Server, port = 0): Promise<number> {
    const sockets = new Set<net.Socket>();
    server.on("connection", (socket: net.Socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => sockets.delete(socket));
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const own = (server.address() as net.AddressInfo).port;
    const close = (): void => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    this.#servers.set(own, close);
    this.defer(close);
    return own;
  }

  /** Ends one of them, with its connections: nobody listens there any more. */
  closePort(port: number): void {
    this.#servers.get(port)?.();
  }

  /** An HTTP server with one answer to everything. @returns its port */
  http(answer: http.RequestListener): Promise<number> {
    return this.listen(http.createServer(answer));
  }

  /** A TCP relay that can be cut. @returns its port */
  async relay(
    to: number,
    toHost = "127.0.0.1",
  ): Promise<{ readonly port: number; readonly cut: () => void; readonly drop: () => void }> {
    const pairs = new Set<net.Socket>();
    let isCut = false;
    const server = net.createServer((near) => {
      if (isCut) {
        near.destroy();
        return;
      }
      const far = net.connect(to, toHost);
      for (const socket of [near, far]) {
        pairs.add(socket);
        socket.on("error", () => undefined);
        socket.once("close", () => {
          pairs.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    const port = await this.listen(server);
    const drop = (): void => {
      for (const socket of pairs) socket.destroy();
    };
    return {
      port,
      drop,
      cut: () => {
        isCut = true;
        drop();
      },
    };
  }

  /** A port that nobody listens on. */
  async freePort(): Promise<number> {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, "close");
    return port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#open.splice(0).toReversed()) await end();
  }
}

/** The testbed's administrator, for kubeconfigs that are wrong in one way. */
export async function goodConfig(): Promise<GoodConfig> {
  const { clusters, users } = JSON.parse(await kubectl("config", "view", "--raw", "-o", "json")) as {
    clusters: { cluster: GoodConfig["cluster"] }[];
    users: { name: string; user: object }[];
  };
  return {
    cluster: clusters[0]?.cluster ?? { server: "" },
    user: users.find(({ name }) => name === "admin")?.user ?? {},
  };
}

/** Whether all that the faults need is there. */
export const staged = testbed.kubeconfig !== undefined && testbed.ssh !== undefined;
