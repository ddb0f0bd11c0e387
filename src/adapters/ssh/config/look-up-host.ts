import { lookup } from "node:dns/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import type { Access } from "#application/ports/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { MatchContext } from "./match-line.ts";
import { ObtainedValues, startReading, type ConfigFile } from "./read-config.ts";
import { runInShell } from "./run-in-shell.ts";
import { invalidValue } from "./typed-values.ts";
import { checkNames } from "./safe-names.ts";
import { allTokens, expandTokens, type TokenContext } from "./tokens.ts";

/** What is asked beside the name; what is said here wins over the files, as `ssh -l` and `-p` do. */
export interface LookUp {
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  /** In place of `~/.ssh/config` and `/etc/ssh/ssh_config`. */
  readonly files?: readonly ConfigFile[];
  readonly signal?: AbortSignal;
  /** `false`: no command of `Match exec` is run, and none of them matches. */
  readonly commands?: boolean;
}

/** The files' word on one host, with the values that all else depends on. */
export interface FoundHost {
  readonly obtained: ObtainedValues;
  readonly originalHost: string;
  readonly hostName: string;
  readonly user: string;
  readonly localUser: string;
  readonly port: number;
}

const defaultPort = 22;

const ownFiles = (homeDir: string): readonly ConfigFile[] => [
  { path: path.join(homeDir, ".ssh", "config"), own: true },
  { path: "/etc/ssh/ssh_config", own: false },
];

/**
 * Looks a host up as ssh does: one reading of the files, then a second one with the final name where
 * `CanonicalizeHostname` or a `Match final` asks for it. Commands of `Match exec` are run: it is the person's own file.
 * @throws ConnectivityError `config_invalid`
 */
export async function lookUpHost(name: string, access: Access, asked: LookUp): Promise<FoundHost> {
  checkNames(name, asked.user);
  const obtained = new ObtainedValues();
  const reading = startReading(asked.files ?? ownFiles(access.homeDir), access.homeDir, obtained);
  const localUser = loginName(access);
  const said = (value: string) => ({ values: [value], raw: value, file: "", line: 0 });
  if (asked.user !== undefined) obtained.set("user", said(asked.user));
  if (asked.port !== undefined) obtained.set("port", said(String(asked.port)));

  const user = (): string => obtained.first("user")?.values[0] ?? localUser;
  const port = (): number => portOf(obtained);
  const namedHost = (): string => {
    const written = obtained.first("hostname")?.values[0];
    return written === undefined ? name : expandTokens(written, "h", tokens(name));
  };
  const tokens = (host: string): TokenContext => ({
    host,
    originalHost: name,
    port: port(),
    user: user(),
    localUser,
    homeDir: access.homeDir,
    hostKeyAlias: obtained.first("hostkeyalias")?.values[0],
    jump: obtained.first("proxyjump")?.raw ?? "",
  });
  const ran = new Map<string, Promise<boolean>>();
  const context = (finalPass: boolean): MatchContext => ({
    get host() {
      return namedHost();
    },
    get user() {
      return user();
    },
    originalHost: name,
    localUser,
    finalPass,
    exec(written) {
      if (asked.commands === false) return Promise.resolve(false);
      const command = expandTokens(written, allTokens, tokens(namedHost()));
      let running = ran.get(command);
      // A second reading asks the same question again.
      if (!running) ran.set(command, (running = runInShell(command, access.environment(), asked.signal)));
      return running;
    },
  });

  const wantsFinal = await reading.pass(context(false), name);
  // OpenSSH calls it a missing argument; a login as nobody is none.
  for (const keyword of ["user", "hostname"]) {
    const value = obtained.first(keyword);
    if (value?.values[0] === "") throw invalidValue(keyword, value);
  }
  let hostName = namedHost();
  if (net.isIP(hostName) === 0) hostName = hostName.toLowerCase();
  const canonicalize = (obtained.first("canonicalizehostname")?.values[0] ?? "no").toLowerCase();
  const wanted = !["no", "false", "none"].includes(canonicalize);
  if (wanted && (canonicalize === "always" || isDirect(obtained))) hostName = await canonical(hostName, obtained);
  if (wanted || wantsFinal) {
    obtained.set("hostname", said(hostName.replaceAll("%", "%%")));
    await reading.pass(context(true), hostName);
  }
  return { obtained, originalHost: name, hostName, user: user(), localUser, port: port() };
}

function isDirect(obtained: ObtainedValues): boolean {
  return ["proxyjump", "proxycommand"].every((way) => (obtained.first(way)?.raw ?? "none").toLowerCase() === "none");
}

/** The name with the first of `CanonicalDomains` under which it resolves (ssh.c, resolve_canonicalize); CNAMEs are not followed. */
async function canonical(host: string, obtained: ObtainedValues): Promise<string> {
  const dots = host.split(".").length - 1;
  const mostDots = Number(obtained.first("canonicalizemaxdots")?.values[0] ?? 1);
  if (net.isIP(host) !== 0 || dots > mostDots) return host;
  if (host.endsWith(".")) return host;
  for (const domain of obtained.first("canonicaldomains")?.values ?? []) {
    if (domain.toLowerCase() === "none") break;
    const full = `${host}.${domain}`;
    const found = await lookup(`${full}.`).catch(() => undefined);
    if (found) return full;
  }
  if (/^(no|false)$/i.test(obtained.first("canonicalizefallbacklocal")?.values[0] ?? "yes")) {
    throw new ConnectivityError("host_unresolved", `the name ${host} resolves in none of CanonicalDomains`, { host });
  }
  return host;
}

function portOf(obtained: ObtainedValues): number {
  const said = obtained.first("port");
  if (!said) return defaultPort;
  const [written = ""] = said.values;
  const port = written === "ssh" ? defaultPort : /^\d{1,5}$/.test(written) ? Number(written) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new ConnectivityError("config_invalid", `${said.file} has a Port that is none`, {
    file: said.file,
    line: said.line,
  });
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
