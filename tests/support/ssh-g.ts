import { spawnSync } from "node:child_process";
import os from "node:os";
import type { ForwardEnd, ForwardLine } from "#adapters/ssh/config/forward-lines.ts";
import type { ResolvedHost } from "#adapters/ssh/config/resolve-host.ts";

/** Whether OpenSSH's client is installed, for `skipIf`. */
export const hasSsh = spawnSync("ssh", ["-V"]).error === undefined;

const fields = [
  "hostname",
  "user",
  "port",
  "identitiesonly",
  "proxyjump",
  "userknownhostsfile",
  "globalknownhostsfile",
  "stricthostkeychecking",
  "hostkeyalias",
  "serveraliveinterval",
  "serveralivecountmax",
  "connecttimeout",
  "localforward",
  "remoteforward",
  "dynamicforward",
  "gssapiauthentication",
  "passwordauthentication",
  "kbdinteractiveauthentication",
] as const;

/** What is compared: lines as `ssh -G` prints them, and what a connection says it uses. */
export interface Reading {
  readonly options: Readonly<Record<string, readonly string[]>>;
  readonly identityFiles: readonly string[];
  readonly certificateFiles: readonly string[];
  readonly proxyCommand: string | undefined;
  /** Only where it needs no variable. */
  readonly identityAgent: string | undefined;
}

/** OpenSSH's reading: the options by `-G`, expanded files and command by a connection to a command that ends at once. */
export function theirReading(file: string, host: string, user: string | undefined): Reading {
  const asked = user === undefined ? [host] : ["-l", user, host];
  const printed = ssh(["-G", "-F", file, ...asked]);
  if (printed.status !== 0) throw new Error(`ssh -G refuses ${file}: ${printed.stderr}`);
  const lines = (text: string, keyword: string): string[] =>
    [...text.matchAll(new RegExp(`^${keyword} (.*)$`, "gm"))].map(([, value]) => value ?? "");
  const options = Object.fromEntries(fields.map((keyword) => [keyword, lines(printed.stdout, keyword)]));
  const hasCommand = /^proxycommand (?!none$)/m.test(printed.stdout);
  const talk = ssh(["-v", "-F", file, "-o", `ProxyCommand=true`, "-o", "ControlPath=none", ...asked]).stderr;
  const tried = (what: string): string[] =>
    [...talk.matchAll(new RegExp(`^debug1: ${what} file (.*) type -?\\d+\\r?$`, "gm"))].map(([, name]) => name ?? "");
  const own = hasCommand ? ssh(["-v", "-F", file, ...asked]).stderr : "";
  return {
    options: {
      ...options,
      // A forward to a Unix socket is printed twice, as a dynamic one too.
      dynamicforward: (options["dynamicforward"] ?? []).filter(
        (line) => !options["localforward"]?.some((local) => local.startsWith(`${line} /`) || line.startsWith("/")),
      ),
    },
    // A key's own certificate beside it is looked for as well, and said in the same words.
    identityFiles: tried("identity").filter((name, index, all) => name !== `${all[index - 1]}-cert`),
    certificateFiles: tried("certificate"),
    proxyCommand: /^debug1: Executing proxy command: exec (.*?)\r?$/m.exec(own)?.[1],
    identityAgent: lines(printed.stdout, "identityagent")[0],
  };
}

/** Ours, said in their words. */
export function ourReading(found: ResolvedHost, identityAgentSaid: boolean): Reading {
  const yes = (flag: boolean): string[] => [flag ? "yes" : "no"];
  const strict = { yes: "true", no: "false", ask: "ask", "accept-new": "accept-new" };
  return {
    options: {
      hostname: [found.hostName],
      user: [found.user],
      port: [String(found.port)],
      identitiesonly: yes(found.identitiesOnly),
      proxyjump: found.proxyJump ? [found.proxyJump.map(jump).join(",")] : [],
      userknownhostsfile: [found.userKnownHostsFiles.join(" ")],
      globalknownhostsfile: [found.globalKnownHostsFiles.join(" ") || "none"],
      stricthostkeychecking: [strict[found.strictHostKeyChecking]],
      hostkeyalias: found.hostKeyAlias === undefined ? [] : [found.hostKeyAlias],
      serveraliveinterval: [String((found.serverAliveIntervalMs ?? 0) / 1000)],
      serveralivecountmax: [String(found.serverAliveCountMax)],
      connecttimeout: [found.connectTimeoutMs === undefined ? "none" : String(found.connectTimeoutMs / 1000)],
      localforward: found.localForwards.map(forward),
      remoteforward: found.remoteForwards.map((line) => (line.to ? forward(line) : `${end(line.listen)} [socks]:0`)),
      dynamicforward: found.dynamicForwards.map(forward),
      gssapiauthentication: yes(found.gssapiAuthentication),
      passwordauthentication: yes(found.passwordAuthentication),
      kbdinteractiveauthentication: yes(found.keyboardInteractiveAuthentication),
    },
    identityFiles: found.identityFiles,
    certificateFiles: found.certificateFiles,
    proxyCommand: found.proxyCommand,
    identityAgent: identityAgentSaid ? found.agentSocket : undefined,
  };
}

const jump = (
  { user, host, port }: NonNullable<ResolvedHost["proxyJump"]>[number],
  index: number,
  all: readonly unknown[],
) => {
  const last = index === all.length - 1;
  // Only the last hop is printed anew; the others as they are written.
  const numeric = host.includes(":") || (last && /^[\d.]+$/.test(host));
  return `${user === undefined ? "" : `${user}@`}${numeric ? `[${host}]` : host}${port === undefined ? "" : `:${port}`}`;
};

const end = (one: ForwardEnd): string =>
  "socket" in one ? one.socket : one.host === undefined ? String(one.port) : `[${one.host}]:${one.port}`;
const forward = ({ listen, to }: ForwardLine): string => [listen, to].flatMap((one) => (one ? end(one) : [])).join(" ");

function ssh(argv: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  return spawnSync("ssh", [...argv], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], cwd: os.tmpdir() });
}
