import net from "node:net";
import type { Duplex } from "node:stream";
import ssh2, { type ServerHostKeyAlgorithm } from "ssh2";
import type { Access } from "#application/ports/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { defaultLimits } from "./dial.ts";
import { tcpConnectError } from "./errors.ts";
import { algorithmsOfType, readKnownHosts } from "./host-key.ts";
import { fingerprintOf, judgeHostKey, type HostKeyVerdict } from "./known-hosts.ts";
import { appendKnownHosts, knownHostLine } from "./known-hosts-file.ts";
import { Servers, type Server } from "./servers.ts";
import { ServerIdentification } from "./server-identification.ts";
import { declaredHop } from "./settings.ts";
import { gatherIdentification } from "./whole-identification.ts";

/** A key that a server shows, and what known_hosts says about it. */
export interface ShownHostKey {
  readonly type: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
  readonly verdict: HostKeyVerdict["kind"];
  /** Where known_hosts says so, `FILE:LINE`. */
  readonly place: string | undefined;
}

/** The host keys of a server, as it shows them to everybody; nobody logged in. */
export interface HostKeyScan {
  readonly host: string;
  readonly port: number;
  readonly via: string;
  /** The file that a trusted key is written to. */
  readonly file: string;
  readonly keys: readonly ShownHostKey[];
  /** Writes the unknown ones down. */
  trust(): Promise<void>;
}

export interface ScanRequest {
  /** `host`, `user@host:port`, or a `Host` of `~/.ssh/config`. */
  readonly host: string;
  /** Hops before it, outermost first; without them those of `~/.ssh/config`. */
  readonly via: readonly string[];
  /** In place of the person's own file. Absolute. */
  readonly knownHostsFile: string | undefined;
}

/**
 * Asks a server for its host key of each type, one handshake each, which is broken off before any login.
 * @throws ConnectivityError when it cannot be reached; of a hop, its own
 */
export async function scanHostKeys(request: ScanRequest, access: Access, signal: AbortSignal): Promise<HostKeyScan> {
  const servers = new Servers(defaultLimits, { lingerMs: 0, retryGapMs: 1000, random: Math.random });
  try {
    let route = undefined;
    for (const hop of request.via) route = await servers.hop(declaredHop(hop), access, route);
    const declared = { ...declaredHop(request.host), knownHostsFile: request.knownHostsFile };
    const server = await servers.find(declared, access, route);
    const { settings } = server;
    const { lines } = await readKnownHosts(settings.knownHostsFiles);
    const found: { key: Buffer; shown: ShownHostKey }[] = [];
    const knownPort = settings.hostKeyName === settings.host ? settings.port : 22;
    for (const [type, algorithms] of Object.entries(algorithmsOfType)) {
      const key = await hostKeyOf(server, algorithms, signal);
      if (!key) continue;
      const verdict = judgeHostKey(lines, settings.hostKeyName, knownPort, key);
      const line = "line" in verdict ? lines.find((one) => one === verdict.line) : undefined;
      const place = line === undefined ? undefined : `${line.file}:${line.line}`;
      found.push({ key, shown: { type, fingerprint: fingerprintOf(key), verdict: verdict.kind, place } });
    }
    if (found.length === 0) {
      throw new ConnectivityError("protocol_mismatch", `${settings.host}:${settings.port} shows no SSH host key`, {
        host: settings.host,
        port: settings.port,
      });
    }
    const [file = ""] = settings.knownHostsFiles;
    return {
      host: settings.host,
      port: settings.port,
      via: server.via,
      file,
      keys: found.map(({ shown }) => shown),
      trust: () =>
        appendKnownHosts(
          file,
          found
            .filter(({ shown }) => shown.verdict === "unknown")
            .map(({ key }) => knownHostLine(settings.hostKeyName, knownPort, key, settings.resolved.hashKnownHosts)),
        ),
    };
  } finally {
    await servers.close();
  }
}

/** The key that the server shows when it is asked for these algorithms; `undefined` when it has none of them. */
async function hostKeyOf(
  { settings, route }: Server,
  algorithms: readonly ServerHostKeyAlgorithm[],
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { host, port } = settings;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(defaultLimits.handshakeMs)]);
  const socket = route ? await route.connect({ host, port }, { signal: limit }) : await connect(host, port, limit);
  const client = new ssh2.Client();
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const onAbort = (): void => resolve(undefined);
  limit.addEventListener("abort", onAbort, { once: true });
  client.on("error", () => resolve(undefined));
  client.on("close", () => resolve(undefined));
  client.connect({
    sock: socket,
    username: "none",
    algorithms: { serverHostKey: [...algorithms] },
    hostVerifier: (key: Buffer) => {
      resolve(key);
      return false;
    },
  });
  gatherIdentification(client, new ServerIdentification());
  try {
    return await promise;
  } finally {
    limit.removeEventListener("abort", onAbort);
    socket.destroy();
    signal.throwIfAborted();
  }
}

async function connect(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  const socket = net.connect({ host, port, autoSelectFamily: true });
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const onAbort = (): void => reject(tcpConnectError({ code: "ETIMEDOUT" }, host, port));
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once("connect", () => resolve(socket));
  socket.on("error", (error) => reject(tcpConnectError(error, host, port)));
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
