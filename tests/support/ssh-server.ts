import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import net from "node:net";
import ssh2, {
  type AuthContext,
  type Connection,
  type ParsedKey,
  type ServerChannel,
  type TcpipRequestInfo,
} from "ssh2";
import { freshKey } from "#cli/demo/fresh-key.ts";

export interface SshServerOptions {
  /** Private keys in OpenSSH form; default: a fresh Ed25519 key. */
  readonly hostKeys?: readonly string[];
  /** Accepted for every user. */
  readonly password?: string;
  /** Accepts the password by keyboard-interactive instead of by `password`. */
  readonly keyboardInteractive?: boolean;
  /** Asks by keyboard-interactive, round after round, and lets in whoever answers all of it right; after a key where one is asked for. */
  readonly rounds?: readonly Round[];
  /** Public keys in OpenSSH form, accepted for every user. Without this and a password everybody is let in. */
  readonly authorizedKeys?: readonly string[];
  /** A home folder: its `.ssh/authorized_keys` counts as it is then, and commands run in a shell there. */
  readonly home?: string;
  /** Said in place of `ssh2js…`. */
  readonly ident?: string;
  /** Channels that a connection may have; further ones are refused with "resource shortage". Default: any number. */
  readonly mostChannels?: number;
  /** Default: a free one. */
  readonly port?: number;
}

/** One request of keyboard-interactive, and what is right. */
export interface Round {
  readonly name?: string;
  readonly instruction?: string;
  readonly prompts: readonly { readonly prompt: string; readonly echo: boolean; readonly answer: string }[];
}

/** A real SSH server in the test process. Forwards to wherever it is asked to, with half-close and reset passed on. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** Private, to start another one that is the same host. */
  readonly hostKeys: readonly string[];
  /** The line of a known_hosts file for each host key. */
  readonly knownHosts: readonly string[];
  /** Connections open at this moment. */
  readonly connections: ReadonlySet<Connection>;
  /** Logins so far, and login attempts by method. */
  readonly logins: number;
  readonly attempts: readonly string[];
  /** How requests for a forward are answered from now on; a number is the reason of RFC 4254 §5.1, `never` leaves them open. */
  forwarding: "allow" | 1 | 2 | 3 | 4 | "never";
  /** What happens to a login that is right: it stays without an answer while true. */
  stallLogins: boolean;
  /** Forwarded channels that are open. */
  readonly channels: ReadonlySet<ServerChannel>;
  /** Cuts every connection, as a killed server would; goes on listening. */
  cut(): void;
}

export const newKey = (type: "ed25519" | "ecdsa" = "ed25519"): { private: string; public: string } =>
  type === "ed25519" ? freshKey() : ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });

/** Private to ssh2 (Protocol.js). */
interface ProtocolInternals {
  readonly ["_protocol"]: { channelOpenFail(channel: number, reason: number, text: string): void };
}

const parsed = (text: string): ParsedKey => {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
};

/** Listens on a free port of 127.0.0.1. */
export async function startSshServer(options: SshServerOptions = {}): Promise<SshServer> {
  const hostKeys = options.hostKeys ?? [newKey().private];
  const sockets = new Set<net.Socket>();
  const connections = new Set<Connection>();
  const channels = new Set<ServerChannel>();
  const attempts: string[] = [];
  const state: Pick<SshServer, "forwarding" | "stallLogins"> = { forwarding: "allow", stallLogins: false };
  let logins = 0;

  const ssh = new ssh2.Server({ hostKeys: [...hostKeys], ...(options.ident && { ident: options.ident }) }, (client) => {
    connections.add(client);
    client.on("error", () => {});
    client.on("close", () => connections.delete(client));
    client.on("authentication", (context) => {
      attempts.push(context.method);
      const answer = (right: boolean): void => {
        if (!right) return context.reject(methodsOf(options));
        if (state.stallLogins) return;
        // A publickey attempt without a signature only asks whether the key would do.
        if (context.method !== "publickey" || context.signature) logins++;
        context.accept();
      };
      const { rounds } = options;
      if (rounds && context.method === "keyboard-interactive") {
        const ask = ([round, ...rest]: readonly Round[]): void => {
          if (!round) return answer(true);
          const { prompts, name = "", instruction = "" } = round;
          context.prompt([...prompts], name, instruction, (said) => {
            if (prompts.every((one, index) => said[index] === one.answer)) ask(rest);
            else context.reject(["keyboard-interactive"]);
          });
        };
        return ask(rounds);
      }
      if (rounds && admits(context, options) && context.method === "publickey" && context.signature) {
        // Half of it: RFC 4252 §5.1.
        return context.reject(["keyboard-interactive"], true);
      }
      if (context.method === "keyboard-interactive" && options.keyboardInteractive) {
        context.prompt([{ prompt: "Password: ", echo: false }], (answers) => answer(answers[0] === options.password));
      } else answer(admits(context, options));
    });
    const own = new Set<ServerChannel>();
    let full = false;
    client.on("session", (accept, reject) => {
      const { home } = options;
      if (home === undefined) reject();
      else accept().on("exec", (acceptExec, _reject, { command }) => runAt(home, command, acceptExec()));
    });
    client.on("tcpip", (accept, reject, info) => {
      if (state.forwarding === "never") return;
      full = own.size >= (options.mostChannels ?? Number.POSITIVE_INFINITY);
      if (state.forwarding !== "allow" || full) return reject();
      const take = (): ServerChannel => {
        const channel = accept();
        own.delete(placeholder);
        own.add(channel);
        channel.on("close", () => own.delete(channel));
        return channel;
      };
      const placeholder = {} as ServerChannel;
      own.add(placeholder);
      const refuse = (): void => {
        own.delete(placeholder);
        reject();
      };
      forward(take, refuse, info, channels);
    });
    // ssh2's reject() always says 2; the reason can be chosen only below it.
    const { ["_protocol"]: protocol } = client as unknown as ProtocolInternals;
    const fail = protocol.channelOpenFail.bind(protocol);
    protocol.channelOpenFail = (channel, reason, text) =>
      fail(channel, full ? 4 : typeof state.forwarding === "number" ? state.forwarding : reason, text);
  });
  // An own listener, so that the sockets are at hand to be cut.
  const listener = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    ssh.injectSocket(socket);
  });
  listener.listen(options.port ?? 0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as net.AddressInfo;
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    hostKeys,
    knownHosts: hostKeys.map((key) => {
      const host = parsed(key);
      return `[127.0.0.1]:${port} ${host.type} ${host.getPublicSSH().toString("base64")}`;
    }),
    connections,
    channels,
    attempts,
    get logins() {
      return logins;
    },
    get forwarding() {
      return state.forwarding;
    },
    set forwarding(value) {
      state.forwarding = value;
    },
    get stallLogins() {
      return state.stallLogins;
    },
    set stallLogins(value) {
      state.stallLogins = value;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}

function methodsOf(options: SshServerOptions): AuthContext["method"][] {
  const { password, keyboardInteractive, authorizedKeys, home, rounds } = options;
  return [
    ...((authorizedKeys ?? home) ? (["publickey"] as const) : rounds ? (["keyboard-interactive"] as const) : []),
    ...(password === undefined ? [] : ([keyboardInteractive ? "keyboard-interactive" : "password"] as const)),
  ];
}

const keysAt = (home: string | undefined): string[] =>
  home === undefined
    ? []
    : readFileSync(path.join(home, ".ssh", "authorized_keys"), "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"));

/** Whether an attempt by anything but keyboard-interactive is right. */
function admits(context: AuthContext, options: SshServerOptions): boolean {
  switch (context.method) {
    case "none":
      return [options.password, options.authorizedKeys, options.home, options.rounds].every((way) => way === undefined);
    case "password":
      return options.keyboardInteractive !== true && context.password === options.password;
    case "publickey": {
      const known = [...(options.authorizedKeys ?? []), ...keysAt(options.home)]
        .map(parsed)
        .find((key) => key.getPublicSSH().equals(context.key.data));
      if (!known) return false;
      if (context.signature === undefined) return true;
      return known.verify(context.blob ?? Buffer.alloc(0), context.signature, context.hashAlgo);
    }
    default:
      return false;
  }
}

function runAt(home: string, command: string, channel: ServerChannel): void {
  const child = spawn("/bin/sh", ["-c", command], { cwd: home, env: { HOME: home, PATH: process.env["PATH"] ?? "" } });
  channel.pipe(child.stdin);
  child.stdin.on("error", () => {});
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on("close", (code) => {
    channel.exit(code ?? 1);
    channel.close();
  });
}

const nothing = Buffer.alloc(0);

function forward(
  accept: () => ServerChannel,
  reject: () => void,
  info: TcpipRequestInfo,
  channels: Set<ServerChannel>,
): void {
  const socket = net.connect({ host: info.destIP, port: info.destPort, allowHalfOpen: true, noDelay: true });
  socket.once("error", () => reject());
  socket.once("connect", () => {
    socket.removeAllListeners("error");
    const channel = accept();
    channels.add(channel);
    let flushed = false;
    const closeWhenDone = (): void => {
      if (flushed && socket.closed) channel.close();
    };
    channel.on("error", () => {});
    channel.on("close", () => {
      channels.delete(channel);
      socket.destroy();
    });
    socket.on("error", () => channel.close());
    socket.on("close", closeWhenDone);
    // Not `end()`: on a server channel that sends CLOSE together with EOF, and the other direction is lost.
    socket.on("end", () => {
      channel.write(nothing, () => {
        (channel as unknown as { eof(): void }).eof();
        flushed = true;
        closeWhenDone();
      });
    });
    socket.pipe(channel, { end: false });
    channel.pipe(socket);
  });
}
