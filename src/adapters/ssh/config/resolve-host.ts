import path from "node:path";
import type { Access } from "#application/ports/access.ts";
import { parseHopName, type HopName } from "../hop-name.ts";
import { parseForward, type ForwardEnd, type ForwardLine } from "./forward-lines.ts";
import { lookUpHost, type FoundHost, type LookUp } from "./look-up-host.ts";
import { allTokens, expandHome, expandTokens, expandVariables, proxyTokens, type TokenContext } from "./tokens.ts";
import {
  countOf,
  flagOf,
  invalidValue,
  strictnessOf,
  textOf,
  timeOf,
  type StrictHostKeyChecking,
} from "./typed-values.ts";

/** What `~/.ssh/config` says about one host, as `ssh` would use it: defaults filled in, tokens expanded, paths absolute. */
export interface ResolvedHost {
  /** As it was asked for. */
  readonly alias: string;
  readonly hostName: string;
  readonly user: string;
  readonly port: number;
  /** Absolute paths in the order in which they are offered. */
  readonly identityFiles: readonly string[];
  /** Whether a person named those; else they are OpenSSH's defaults, and missing ones are no error. */
  readonly identitiesNamed: boolean;
  /** Nothing of the agent but the keys of `identityFiles` is offered. */
  readonly identitiesOnly: boolean;
  /** The agent's socket; `undefined` when there is none or none is wanted. */
  readonly agentSocket: string | undefined;
  /** `IdentityAgent` names it. */
  readonly agentNamed: boolean;
  readonly certificateFiles: readonly string[];
  /** The hops, outermost first; `undefined` when there are none. */
  readonly proxyJump: readonly HopName[] | undefined;
  /** A command line for the shell, tokens expanded; `undefined` when there is none. Never beside `proxyJump`. */
  readonly proxyCommand: string | undefined;
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly revokedHostKeysFile: string | undefined;
  readonly strictHostKeyChecking: StrictHostKeyChecking;
  readonly hostKeyAlias: string | undefined;
  /** New lines of known_hosts hide the name. */
  readonly hashKnownHosts: boolean;
  /** `undefined` when nothing is said; 0 turns it off. */
  readonly serverAliveIntervalMs: number | undefined;
  readonly serverAliveCountMax: number;
  readonly connectTimeoutMs: number | undefined;
  readonly localForwards: readonly ForwardLine[];
  readonly remoteForwards: readonly ForwardLine[];
  readonly dynamicForwards: readonly ForwardLine[];
  readonly gssapiAuthentication: boolean;
  /** Keys of a smart card are wanted. */
  readonly pkcs11Provider: boolean;
  readonly passwordAuthentication: boolean;
  readonly keyboardInteractiveAuthentication: boolean;
  readonly publicKeyAuthentication: boolean;
  /** Files that were read or would be if they were there: worth a look again when they change. */
  readonly configFiles: readonly string[];
}

/** OpenSSH's own, in its order; those that no current version makes come last. */
const defaultIdentities = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa"];
const defaultGlobalKnownHosts = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

/**
 * Resolves a name as `ssh NAME` would.
 * @param asked a user and a port that win over the files
 * @throws ConnectivityError `config_invalid` with file and line, `variable_missing`
 */
export async function resolveHost(alias: string, access: Access, asked: LookUp = {}): Promise<ResolvedHost> {
  const found = await lookUpHost(alias, access, asked);
  const { obtained } = found;
  const context = tokenContext(found, access);
  const withTokens = (text: string): string => expandTokens(text, allTokens, context);
  const withVariables = (text: string): string => expandVariables(withTokens(text), (name) => access.env(name));
  const file = (text: string): string =>
    path.resolve(access.workspaceDir, withVariables(expandHome(text, access.homeDir)));
  const files = (keyword: string): string[] =>
    obtained.all(keyword).flatMap(({ values: [value = ""] }) => (isNone(value) ? [] : [file(value)]));
  const knownHosts = (keyword: string): readonly string[] | undefined => {
    const values = obtained.first(keyword)?.values;
    return values && (values.length === 1 && isNone(values[0] ?? "") ? [] : values.map(file));
  };
  const inSshDir = (name: string): string => path.join(access.homeDir, ".ssh", name);
  const identitiesNamed = obtained.first("identityfile") !== undefined;
  const revoked = textOf(obtained, "revokedhostkeys");
  return {
    alias,
    hostName: found.hostName,
    user: found.user,
    port: found.port,
    identityFiles: identitiesNamed ? [...new Set(files("identityfile"))] : defaultIdentities.map(inSshDir),
    identitiesNamed,
    identitiesOnly: flagOf(obtained, "identitiesonly", false),
    agentNamed: !["SSH_AUTH_SOCK", undefined].includes(textOf(obtained, "identityagent")),
    agentSocket: agentSocket(textOf(obtained, "identityagent"), access, file),
    certificateFiles: [...new Set(files("certificatefile"))],
    ...proxy(found, context),
    userKnownHostsFiles: knownHosts("userknownhostsfile") ?? [inSshDir("known_hosts"), inSshDir("known_hosts2")],
    globalKnownHostsFiles: knownHosts("globalknownhostsfile") ?? defaultGlobalKnownHosts,
    revokedHostKeysFile: revoked === undefined || isNone(revoked) ? undefined : file(revoked),
    strictHostKeyChecking: strictnessOf(obtained),
    hostKeyAlias: textOf(obtained, "hostkeyalias"),
    hashKnownHosts: flagOf(obtained, "hashknownhosts", false),
    serverAliveIntervalMs: timeOf(obtained, "serveraliveinterval"),
    serverAliveCountMax: countOf(obtained, "serveralivecountmax") ?? 3,
    connectTimeoutMs: timeOf(obtained, "connecttimeout"),
    localForwards: forwards(found, "localforward", withVariables),
    remoteForwards: forwards(found, "remoteforward", withVariables),
    dynamicForwards: forwards(found, "dynamicforward", withVariables),
    gssapiAuthentication: flagOf(obtained, "gssapiauthentication", false),
    pkcs11Provider: !isNone(textOf(obtained, "pkcs11provider") ?? "none"),
    passwordAuthentication: flagOf(obtained, "passwordauthentication", true),
    keyboardInteractiveAuthentication: flagOf(obtained, "kbdinteractiveauthentication", true),
    // `unbound` and `host-bound` mean yes as well.
    publicKeyAuthentication: !/^(no|false)$/i.test(textOf(obtained, "pubkeyauthentication") ?? "yes"),
    configFiles: [...obtained.files],
  };
}

const isNone = (value: string): boolean => value.toLowerCase() === "none";

function tokenContext({ obtained, ...found }: FoundHost, { homeDir }: Access): TokenContext {
  return {
    host: found.hostName,
    originalHost: found.originalHost,
    port: found.port,
    user: found.user,
    localUser: found.localUser,
    homeDir,
    hostKeyAlias: textOf(obtained, "hostkeyalias"),
    jump: obtained.first("proxyjump")?.raw ?? "",
  };
}

/** `IdentityAgent` wins over SSH_AUTH_SOCK; `$NAME` is a variable that holds the path. */
function agentSocket(said: string | undefined, access: Access, file: (text: string) => string): string | undefined {
  if (said === undefined || said === "SSH_AUTH_SOCK") return access.env("SSH_AUTH_SOCK") || undefined;
  if (isNone(said)) return undefined;
  const variable = /^\$([A-Za-z_]\w*)$/.exec(said)?.[1];
  return variable === undefined ? file(said) : access.env(variable) || undefined;
}

function proxy({ obtained }: FoundHost, context: TokenContext): Pick<ResolvedHost, "proxyJump" | "proxyCommand"> {
  const jump = obtained.first("proxyjump");
  if (jump && !isNone(jump.raw)) {
    const hops = expandTokens(jump.raw, proxyTokens, context).split(",");
    return { proxyJump: hops.map(parseHopName), proxyCommand: undefined };
  }
  const command = obtained.first("proxycommand")?.raw;
  if (command === undefined || isNone(command)) return { proxyJump: undefined, proxyCommand: undefined };
  return { proxyJump: undefined, proxyCommand: expandTokens(command, proxyTokens, context) };
}

function forwards(
  { obtained }: FoundHost,
  keyword: "localforward" | "remoteforward" | "dynamicforward",
  expand: (text: string) => string,
): ForwardLine[] {
  const end = (written: ForwardEnd): ForwardEnd => ("socket" in written ? { socket: expand(written.socket) } : written);
  return obtained.all(keyword).map((value) => {
    const parsed = parseForward(value.values, keyword === "dynamicforward");
    if (!parsed || (keyword === "localforward" && !parsed.to)) throw invalidValue(keyword, value);
    return { listen: end(parsed.listen), ...(parsed.to && { to: end(parsed.to) }) };
  });
}
