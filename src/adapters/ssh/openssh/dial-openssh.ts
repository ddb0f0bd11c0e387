import path from "node:path";
import { ConnectivityError, toConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { OpensshReason } from "#domain/ssh/driver-choice.ts";
import type { SshDial } from "../dial.ts";
import { ServerIdentification } from "../server-identification.ts";
import { masterArguments } from "./arguments.ts";
import { startAskpass, type Askpass } from "./askpass.ts";
import { certificateExpiries, certificateFacts } from "./certificate-facts.ts";
import { lockedKey } from "./locked-key.ts";
import { loginFailure } from "./login-failure.ts";
import { configFile, keysToName } from "./home-folder.ts";
import { LoginLog } from "./login-log.ts";
import { MasterProcess } from "./master-process.ts";
import { OpensshConnection } from "./openssh-connection.ts";
import { makePrivateFolder } from "./private-folder.ts";
import { findSshProgram } from "./program.ts";
import { startRouteProgram, type RouteProgram } from "./route-program.ts";

/**
 * Connects and logs in by the system's OpenSSH, which verifies the host key by the same files.
 * @throws ConnectivityError with the cause's code; the signal's reason
 */
export async function dialOpenssh(dial: SshDial, because: OpensshReason): Promise<OpensshConnection> {
  const { settings, access, limits, route, signal } = dial;
  const program = await findSshProgram((name) => access.env(name));
  signal.throwIfAborted();
  const folder = await makePrivateFolder();
  const scope: AsyncDisposable[] = [folder];
  const release = async (): Promise<void> => {
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
  };
  try {
    const askpass = await askpassFor(dial, folder.path, scope, () => child.end());
    let way: RouteProgram | undefined;
    if (route) {
      way = await startRouteProgram(folder.path, () =>
        route.connect({ host: settings.host, port: settings.port }, { signal }),
      );
      scope.push(way);
    }
    const controlPath = path.join(folder.path, "m");
    const argv = masterArguments({
      settings,
      control: controlPath,
      configFile: await configFile(access.homeDir),
      keyFiles: await keysToName(settings, access.homeDir),
      proxyProgram: way?.program,
      keepaliveMs: limits.keepaliveMs,
      keepaliveCount: limits.keepaliveCount,
      connectTimeoutMs: limits.handshakeMs,
      typed: dial.interaction !== undefined,
    });
    const log = new LoginLog();
    let connection: OpensshConnection | undefined;
    const ready = Promise.withResolvers<void>();
    const child = new MasterProcess(program.path, argv, environment(dial, askpass), (line) => {
      if (connection) return connection.read(line);
      log.take(line);
      if (log.phase === "ready") ready.resolve();
    });
    await login(dial, child, log, ready.promise, {
      problem: () => askpass?.problem ?? way?.problem,
      passphraseGiven: () => askpass?.answered.includes("passphrase") ?? false,
      wantsPerson: () => askpass?.wantsPerson ?? false,
    });
    connection = new OpensshConnection({
      control: { program: program.path, socketPath: controlPath },
      dir: folder.path,
      process: child,
      log,
      expiries: await certificateExpiries(settings),
      facts: factsOf(log, program.name, because),
      release,
    });
    await connection.prepareHandover();
    return connection;
  } catch (error) {
    await release();
    throw error;
  }
}

async function login(
  { settings, limits, signal }: SshDial,
  child: MasterProcess,
  log: LoginLog,
  ready: Promise<void>,
  told: {
    readonly problem: () => ConnectivityError | undefined;
    readonly passphraseGiven: () => boolean;
    readonly wantsPerson: () => boolean;
  },
): Promise<void> {
  const failed = Promise.withResolvers<never>();
  const onAbort = (): void => failed.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const timer = setTimeout(() => {
    failed.reject(
      new ConnectivityError(
        "host_unreachable",
        `${settings.host}:${settings.port} did not finish the login in time`,
        { host: settings.host, port: settings.port, phase: "login", driver: "openssh" },
        log.said === undefined ? {} : { untrusted: log.said },
      ),
    );
  }, limits.handshakeMs + limits.loginMs);
  const ended = child.ended.then(async () => {
    const known = told.problem() ?? (await lockedKey(log, settings, told.passphraseGiven()));
    if (known) throw known;
    const certificates = await certificateFacts(settings);
    throw loginFailure(log, settings, { certificates, wantsPerson: told.wantsPerson() });
  });
  try {
    await Promise.race([ready, ended, failed.promise]);
  } catch (error) {
    child.end();
    await child.ended;
    throw signal.aborted ? signal.reason : toConnectivityError(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    ended.catch(() => {});
    failed.promise.catch(() => {});
  }
}

async function askpassFor(
  { settings, access, signal, interaction }: SshDial,
  dir: string,
  scope: AsyncDisposable[],
  onPersonWanted: () => void,
): Promise<Askpass | undefined> {
  const { password, passphrase } = settings;
  if (password === undefined && passphrase === undefined && !interaction) return undefined;
  const from = `${settings.user}@${settings.name}`;
  const typed = async (text: string): Promise<string> => {
    const prompts = [{ text: text.replace(/^\(\S+\) /, ""), echo: false }];
    const [answer = ""] = (await interaction?.answer({ from, name: "", instruction: "", prompts })) ?? [];
    return answer;
  };
  const askpass = await startAskpass(dir, {
    password: password === undefined ? undefined : () => access.resolve(password, signal),
    passphrase: passphrase === undefined ? undefined : () => access.resolve(passphrase, signal),
    ...(interaction && { typed }),
    onPersonWanted,
  });
  scope.push(askpass);
  return askpass;
}

/** The person's environment, with the program that answers prompts; without one nothing may ask. */
function environment({ access, settings }: SshDial, askpass: Askpass | undefined): Record<string, string> {
  const { SSH_ASKPASS: _, SSH_AUTH_SOCK: __, ...inherited }: Record<string, string> = access.environment();
  // Variables that hold its secrets are the askpass program's business, not that of every process below it.
  for (const template of [settings.password, settings.passphrase]) {
    for (const [, name = ""] of (template ?? "").matchAll(/\$\{env:([^:}]+)/g)) delete inherited[name];
  }
  return {
    ...inherited,
    ...(settings.agentSocket !== undefined && { SSH_AUTH_SOCK: settings.agentSocket }),
    SSH_ASKPASS_REQUIRE: askpass ? "force" : "never",
    ...(askpass && { SSH_ASKPASS: askpass.program }),
  };
}

function factsOf(log: LoginLog, program: string, because: OpensshReason): Facts {
  const identification = new ServerIdentification();
  identification.take(Buffer.from(`SSH-2.0-${log.fact("identification") ?? ""}\r\n`));
  const [cipher, mac, kex, hostKey] = [log.fact("cipher"), log.fact("mac"), log.fact("kex"), log.fact("host_key")];
  return {
    driver: "openssh",
    driver_because: because,
    server: identification.software,
    ...(cipher !== undefined && { cipher }),
    ...(mac !== undefined && mac !== "<implicit>" && { mac }),
    ...(kex !== undefined && { kex }),
    ...(hostKey !== undefined && { host_key: hostKey }),
    crypto: program,
  };
}
