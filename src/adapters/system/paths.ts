import { isAbsolute, join, resolve } from "node:path";

/** Where Portwright keeps its things, all absolute. The folders need not exist; who makes them makes them 0700. */
export interface PortwrightPaths {
  readonly stateDir: string;
  readonly configDir: string;
  /** Holds the socket. In the temp folder it may be another user's trap: whoever uses it checks owner and mode. */
  readonly runtimeDir: string;
  readonly socketFile: string;
  readonly lockFile: string;
  readonly databaseFile: string;
  readonly logFile: string;
  readonly policyFile: string;
}

/** `sun_path` is 104 bytes on macOS and 108 on Linux, with its end mark; this leaves room on both. */
const longestSocketPathBytes = 99;

/** An XDG variable counts only when it holds an absolute path (XDG Base Directory Specification 0.8). */
const absolute = (value: string | undefined): string | undefined =>
  value !== undefined && isAbsolute(value) ? value : undefined;

/** FNV-1a over 64 bits: tells folders of one user apart. Not a secret, so that `node:crypto` stays unloaded in the shim. */
function hash(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  return value.toString(16).padStart(16, "0");
}

/**
 * Everything below `PORTWRIGHT_HOME` when it is set, else the XDG folders. A socket path that would not fit into
 * `sun_path` moves to a short folder of this user in the temp folder. Pure but for the default of `uid`, and small:
 * the shim imports it.
 */
export function portwrightPaths(
  env: Readonly<Record<string, string | undefined>>,
  homeDir: string,
  uid: number = process.getuid?.() ?? 0,
): PortwrightPaths {
  const home = env.PORTWRIGHT_HOME ? resolve(env.PORTWRIGHT_HOME) : undefined;
  const stateDir =
    home === undefined
      ? join(absolute(env.XDG_STATE_HOME) ?? join(homeDir, ".local", "state"), "portwright")
      : join(home, "state");
  const configDir =
    home === undefined
      ? join(absolute(env.XDG_CONFIG_HOME) ?? join(homeDir, ".config"), "portwright")
      : join(home, "config");
  const xdgRuntime = absolute(env.XDG_RUNTIME_DIR);
  const wantedRuntimeDir = home === undefined && xdgRuntime !== undefined ? join(xdgRuntime, "portwright") : stateDir;
  const socketName = "daemon.sock";
  const fits = Buffer.byteLength(join(wantedRuntimeDir, socketName)) <= longestSocketPathBytes;
  const runtimeDir = fits ? wantedRuntimeDir : shortRuntimeDir(wantedRuntimeDir, absolute(env.TMPDIR), uid);
  return {
    stateDir,
    configDir,
    runtimeDir,
    socketFile: join(runtimeDir, socketName),
    lockFile: join(stateDir, "daemon.lock.db"),
    databaseFile: join(stateDir, "portwright.db"),
    logFile: join(stateDir, "daemon.log"),
    policyFile: join(configDir, "policy.yaml"),
  };
}

/** The temp folder may itself be too long (CI): then `/tmp`. */
function shortRuntimeDir(wanted: string, tempDir: string | undefined, uid: number): string {
  const name = `portwright-${uid}-${hash(wanted)}`;
  const preferred = join(tempDir ?? "/tmp", name);
  return Buffer.byteLength(join(preferred, "daemon.sock")) <= longestSocketPathBytes ? preferred : join("/tmp", name);
}
