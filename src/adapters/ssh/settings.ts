import path from "node:path";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import type { SshService } from "#domain/spec/service.ts";
import { parseHopName, type HopName } from "./hop-name.ts";
import { resolveHost, type ResolvedHost } from "./config/resolve-host.ts";

/** All that a dial needs to know, resolved from the service, `~/.ssh/config` and the person's environment. */
export interface SshSettings {
  /** As the person writes it; `via` shows it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Whether the service, or the hop, names the user. */
  readonly userNamed: boolean;
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
  /** The key that the service names, absolute. */
  readonly keyNamed: string | undefined;
  /** Which driver the service asks for. */
  readonly driver: "auto" | "ssh2" | "openssh";
  /** What `~/.ssh/config` says beside. */
  readonly resolved: ResolvedHost;
}

const defaultPort = 22;

/** What a service, or a hop by its name, says about its SSH server. */
export type ServerDeclaration = Pick<
  SshService["connection"],
  "host" | "user" | "port" | "keyFile" | "passphrase" | "password" | "knownHostsFile" | "driver"
>;

/** A hop as a person writes it: `host`, `user@host:port`. @throws ConnectivityError `config_invalid` */
export function declaredHop(text: string): ServerDeclaration {
  return declaredBy(parseHopName(text));
}

/** A hop of `~/.ssh/config`. */
export function declaredBy({ host, user, port = defaultPort }: HopName): ServerDeclaration {
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

/** @throws ConnectivityError as `resolveHost` does */
export async function resolveSettings(
  connection: ServerDeclaration,
  access: Access,
  signal?: AbortSignal,
): Promise<SshSettings> {
  const resolved = await resolveHost(connection.host, access, {
    user: connection.user,
    // The schema fills in 22, so 22 counts as not said; whoever wants 22 against ~/.ssh/config says it there.
    port: connection.port === defaultPort ? undefined : connection.port,
    ...(signal && { signal }),
  });
  const { hostName: host, user, port } = resolved;
  const expand = (file: string): string => {
    const tokens: Record<string, string> = { "%": "%", d: access.homeDir, h: host, n: connection.host, r: user };
    const full = file.replaceAll(/%([%dhnr])/g, (_, token: string) => tokens[token] ?? "");
    return path.resolve(access.workspaceDir, full.replace(/^~(?=\/|$)/, access.homeDir));
  };
  return {
    name: connection.host,
    host,
    port,
    user,
    userNamed: connection.user !== undefined,
    hostKeyName: resolved.hostKeyAlias ?? host,
    keyFiles: connection.keyFile === undefined ? resolved.identityFiles : [expand(connection.keyFile)],
    keysNamed: connection.keyFile !== undefined || resolved.identitiesNamed,
    knownHostsFiles:
      connection.knownHostsFile === undefined
        ? [...resolved.userKnownHostsFiles, ...resolved.globalKnownHostsFiles]
        : [expand(connection.knownHostsFile)],
    passphrase: connection.passphrase,
    password: connection.password,
    agentSocket: resolved.agentSocket,
    keyNamed: connection.keyFile === undefined ? undefined : expand(connection.keyFile),
    driver: connection.driver ?? "auto",
    resolved,
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
  const alive = [settings.resolved.serverAliveIntervalMs ?? null, settings.resolved.serverAliveCountMax];
  // The agent of the environment moves from session to session; one that is named is another login.
  const agent = settings.resolved.agentNamed ? settings.agentSocket : undefined;
  const way = route?.key ?? [settings.resolved.proxyJump ?? null, settings.resolved.proxyCommand ?? null];
  return JSON.stringify([
    user,
    host,
    port,
    hostKeyName,
    keyFiles,
    knownHostsFiles,
    templates,
    settings.driver,
    way,
    alive,
    agent ?? null,
  ]);
}
