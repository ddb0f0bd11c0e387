import { glob, readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { SshService } from "#domain/spec/service.ts";
import { parseHopName } from "./hop-name.ts";
import { lookUpHost, type SshHostConfig } from "./ssh-config.ts";

/** All that a dial needs to know, resolved from the service, `~/.ssh/config` and the person's environment. */
export interface SshSettings {
  /** As the person writes it; `via` shows it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The name under which the host key is known: `HostKeyAlias`, else the host. */
  readonly hostKeyName: string;
  /** Absolute paths, in the order in which they are offered. */
  readonly keyFiles: readonly string[];
  /** Whether a person named those; else they are OpenSSH's defaults, and missing ones are no error. */
  readonly keysNamed: boolean;
  readonly knownHostsFiles: readonly string[];
  /** Templates, resolved when they are needed. */
  readonly passphrase: string | undefined;
  readonly password: string | undefined;
  readonly agentSocket: string | undefined;
}

const defaultKeys = ["id_ed25519", "id_ecdsa", "id_rsa"];
const defaultPort = 22;

/** What a service, or a hop by its name, says about its SSH server. */
export type ServerDeclaration = Pick<
  SshService["connection"],
  "host" | "user" | "port" | "keyFile" | "passphrase" | "password" | "knownHostsFile"
>;

/** A hop as a person writes it: `host`, `user@host:port`. @throws ConnectivityError `config_invalid` */
export function declaredHop(text: string): ServerDeclaration {
  const { host, user, port = defaultPort } = parseHopName(text);
  return {
    host,
    user,
    port,
    keyFile: undefined,
    passphrase: undefined,
    password: undefined,
    knownHostsFile: undefined,
  };
}

/** @throws ConnectivityError `not_supported` when `~/.ssh/config` sends the host through a proxy */
export async function resolveSettings(connection: ServerDeclaration, access: Access): Promise<SshSettings> {
  const config = await readSshConfig(connection.host, access);
  if (config.indirect !== undefined && config.indirect !== "none") {
    throw new ConnectivityError(
      "not_supported",
      `~/.ssh/config reaches ${connection.host} by ${config.indirect}, which is not supported yet`,
      { host: connection.host, option: config.indirect },
    );
  }
  const host = config.hostName?.replaceAll("%h", connection.host).replaceAll("%%", "%") ?? connection.host;
  const user = connection.user ?? config.user ?? loginName(access);
  // The schema fills in 22, so 22 counts as not said; whoever wants 22 against ~/.ssh/config says it there.
  const port = connection.port === defaultPort ? (config.port ?? defaultPort) : connection.port;
  const expand = (file: string): string => {
    const tokens: Record<string, string> = { "%": "%", d: access.homeDir, h: host, n: connection.host, r: user };
    const full = file.replaceAll(/%([%dhnr])/g, (_, token: string) => tokens[token] ?? "");
    return path.resolve(access.workspaceDir, full.replace(/^~(?=\/|$)/, access.homeDir));
  };
  const inSshDir = (file: string): string => path.join(access.homeDir, ".ssh", file);
  const named = connection.keyFile === undefined ? config.identityFiles : [connection.keyFile];
  const knownHosts =
    connection.knownHostsFile === undefined
      ? config.userKnownHostsFiles?.map(expand)
      : [expand(connection.knownHostsFile)];
  return {
    name: connection.host,
    host,
    port,
    user,
    hostKeyName: config.hostKeyAlias ?? host,
    keyFiles: named.length > 0 ? named.map(expand) : defaultKeys.map(inSshDir),
    keysNamed: named.length > 0,
    knownHostsFiles: knownHosts ?? [
      inSshDir("known_hosts"),
      inSshDir("known_hosts2"),
      "/etc/ssh/ssh_known_hosts",
      "/etc/ssh/ssh_known_hosts2",
    ],
    passphrase: connection.passphrase,
    password: connection.password,
    agentSocket: access.env("SSH_AUTH_SOCK") || undefined,
  };
}

/**
 * What makes two services share a connection: the same login at the same server by the same route and credentials, judged
 * by the same known_hosts. Templates may mean other values in another workspace, so with them the workspace counts.
 */
export function connectionKey(settings: SshSettings, access: Access, route: Route | undefined): string {
  const { host, port, user, hostKeyName, keyFiles, knownHostsFiles, passphrase, password } = settings;
  const templates =
    passphrase === undefined && password === undefined ? [] : [passphrase, password, access.workspaceDir];
  return JSON.stringify([user, host, port, hostKeyName, keyFiles, knownHostsFiles, templates, route?.key ?? null]);
}

function loginName(access: Access): string {
  const fromEnvironment = access.env("USER") || access.env("LOGNAME");
  if (fromEnvironment) return fromEnvironment;
  try {
    return os.userInfo().username;
  } catch (cause) {
    // A process whose uid has no entry in the user database, as in some containers.
    throw new ConnectivityError(
      "config_invalid",
      "the user name is not known; set `user` in the connection",
      {},
      { cause },
    );
  }
}

async function readSshConfig(host: string, access: Access): Promise<SshHostConfig> {
  const sshDir = path.join(access.homeDir, ".ssh");
  const include = async (pattern: string): Promise<readonly string[]> => {
    const absolute = path.resolve(sshDir, pattern.replace(/^~(?=\/|$)/, access.homeDir));
    const files: string[] = [];
    for await (const file of glob(absolute)) files.push(file);
    return Promise.all(files.toSorted().map(readText));
  };
  const texts = await Promise.all([path.join(sshDir, "config"), "/etc/ssh/ssh_config"].map(readText));
  return lookUpHost(texts, host, include);
}

/** A file that is missing or unreadable says nothing, as for OpenSSH's default files. */
const readText = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");
