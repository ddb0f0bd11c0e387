import net from "node:net";
import ssh2, { type AuthContext, type ParsedKey, type ServerChannel, type TcpipRequestInfo } from "ssh2";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { freshKey } from "./fresh-key.ts";
import { listening } from "./listening.ts";

/** The local port that stands behind a name of the bastion's private network, now; `undefined`: there is no such target. */
export type TargetLookup = (host: string, port: number) => number | undefined;

export interface Bastion {
  readonly port: number;
  readonly user: string;
  /** The line of a known_hosts file. */
  readonly knownHostsLine: string;
  /** The only key that is let in, private, in OpenSSH form. */
  readonly clientKey: string;
  close(): Promise<void>;
}

/**
 * An SSH server in this process, on a free port of 127.0.0.1, with keys that were made for it: it lets one user in with
 * one key, opens no shell, and forwards to the given targets and nowhere else.
 */
export async function startBastion(target: TargetLookup): Promise<Bastion> {
  const hostKey = freshKey();
  const clientKey = freshKey();
  const allowed = parseKey(clientKey.public);
  const user = "demo";
  const server = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
    // A client that goes away is none of the bastion's troubles.
    connection.on("error", () => undefined);
    connection.on("authentication", (context) => {
      if (context.username === user && isSignedBy(context, allowed)) context.accept();
      else context.reject(["publickey"]);
    });
    connection.on("tcpip", (accept, reject, info) => forward(target, accept, reject, info));
  });
  // Its sockets come from a listener of ours: ssh2's own leaves Nagle's algorithm on, at 44 ms a small message.
  const listener = await listening(net.createServer({ noDelay: true }, (socket) => server.injectSocket(socket)));
  const host = parseKey(hostKey.public);
  return {
    port: listener.port,
    user,
    knownHostsLine: `[127.0.0.1]:${listener.port} ${host.type} ${host.getPublicSSH().toString("base64")}`,
    clientKey: clientKey.private,
    close: () => listener.close(),
  };
}

function parseKey(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error)
    throw new ConnectivityError("internal_error", "a fresh key cannot be read", {}, { cause: key });
  return key;
}

/** RFC 4252 §7: an attempt without a signature asks whether the key would do; with one it must be the key's own. */
function isSignedBy(context: AuthContext, key: ParsedKey): boolean {
  if (context.method !== "publickey" || context.key.algo !== key.type) return false;
  if (!context.key.data.equals(key.getPublicSSH())) return false;
  if (!context.signature || !context.blob) return true;
  // The types leave out that a signature that cannot be read is answered with an Error.
  return (key.verify(context.blob, context.signature, context.hashAlgo) as boolean | Error) === true;
}

/** RFC 4254 §7.2, with half-close and a lost side passed on. */
function forward(
  target: TargetLookup,
  accept: () => ServerChannel,
  reject: () => void,
  { destIP, destPort }: TcpipRequestInfo,
): void {
  const port = target(destIP, destPort);
  if (port === undefined) return reject();
  const socket = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  socket.once("error", reject);
  socket.once("connect", () => {
    socket.off("error", reject);
    const channel = accept();
    socket.on("error", () => channel.destroy());
    channel.on("error", () => socket.destroy());
    channel.on("close", () => socket.destroy());
    socket.pipe(channel);
    channel.pipe(socket);
  });
}
