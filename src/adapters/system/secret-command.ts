import { ConnectivityError } from "#domain/connectivity-error.ts";

/** A password manager may ask a person to touch something; nobody waits longer for one. */
const limitMs = 20_000;
const largestBytes = 64 * 1024;
const clippedBytes = 512;

/**
 * Words of a command line: separated by white space, kept together by single or double quotes. Nothing else has a
 * meaning, as no shell ever sees it. `undefined`: a quote is not closed, or there is no word.
 */
export function commandWords(line: string): [program: string, ...words: string[]] | undefined {
  const words: string[] = [];
  let rest = line.trim();
  while (rest !== "") {
    const word = /^(?:[^\s"']+|"[^"]*"|'[^']*')+/.exec(rest)?.[0];
    if (word === undefined) return undefined;
    words.push(
      word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_all, double?: string, single?: string) => double ?? single ?? ""),
    );
    const after = rest.slice(word.length);
    if (after !== "" && !/^\s/.test(after)) return undefined;
    rest = after.trimStart();
  }
  const [program, ...others] = words;
  return program === undefined || program === "" ? undefined : [program, ...others];
}

/**
 * What a `${command:…}` prints, without its last line break; at most 64 KiB, within 20 s, with the client's environment.
 * @throws ConnectivityError `credential_plugin_missing`, `credential_plugin_failed`; the signal's reason
 */
export async function runSecretCommand(
  line: string,
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
    readonly signal: AbortSignal | undefined;
  },
): Promise<string> {
  const words = commandWords(line);
  if (!words) throw failed("the command of a reference has no program, or a quote that is not closed");
  const [program, ...rest] = words;
  const { env, cwd, signal } = options;
  const limits = { env: { ...env }, cwd, timeout: limitMs, maxBuffer: largestBytes, encoding: "utf8" as const };
  const { execFile } = await import("node:child_process");
  return await new Promise<string>((resolve, reject) => {
    const child = execFile(program, rest, { ...limits, ...(signal && { signal }) }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout.replace(/\r?\n$/, ""));
      if (signal?.aborted) return reject(signal.reason as Error);
      reject(commandError(program, error, stderr));
    });
    // It must not wait for input that nobody can give.
    child.stdin?.end();
  });
}

const failed = (message: string, facts = {}, cause?: unknown, untrusted?: string): ConnectivityError =>
  new ConnectivityError("credential_plugin_failed", message, facts, { cause, ...(untrusted && { untrusted }) });

function commandError(program: string, error: Error, stderr: string): ConnectivityError {
  const { code, killed } = error as { code?: string | number | null; killed?: boolean };
  const facts = { command: program };
  if (code === "ENOENT" || code === "EACCES") {
    const message = "the program of a reference is not on the PATH of any connected client";
    return new ConnectivityError("credential_plugin_missing", message, facts, { cause: error });
  }
  if (code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER")
    return failed("the command of a reference printed over 64 KiB", facts);
  if (killed === true) return failed("the command of a reference took longer than 20 s", facts);
  // Its output is not kept as the cause: it may hold the secret.
  return failed(
    "the command of a reference failed",
    { ...facts, exit: Number(code) },
    undefined,
    stderr.slice(0, clippedBytes),
  );
}
