import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { ConnectivityError } from "#domain/connectivity-error.ts";

const run = promisify(execFile);

/** The system's `ssh`. */
export interface SshProgram {
  /** Absolute. */
  readonly path: string;
  /** `OpenSSH 9.2`, in our words. */
  readonly name: string;
  /** Major and minor as one number: 9.2 is 902. */
  readonly version: number;
}

/** By path, since a person may have several. A program that is replaced is asked again by a new daemon. */
const known = new Map<string, Promise<SshProgram>>();

/** `LogVerbose` (8.5) is what tells which channel was opened, ended or refused. */
const oldest = 805;

/**
 * Finds `ssh` in the person's PATH.
 * @throws ConnectivityError `not_supported` when there is none, or none that can be driven
 */
export async function findSshProgram(env: (name: string) => string | undefined): Promise<SshProgram> {
  for (const folder of (env("PATH") || "/usr/local/bin:/usr/bin:/bin").split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue;
    const file = path.join(folder, "ssh");
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return describe(file);
  }
  throw new ConnectivityError("not_supported", "the openssh driver needs the program ssh, which is not in PATH", {
    program: "ssh",
  });
}

async function describe(file: string): Promise<SshProgram> {
  let asking = known.get(file);
  if (!asking) {
    asking = ask(file);
    known.set(file, asking);
    asking.catch(() => known.delete(file));
  }
  return asking;
}

async function ask(file: string): Promise<SshProgram> {
  const { stderr } = await run(file, ["-V"], { timeout: 5000, maxBuffer: 4096 }).catch(() => ({ stderr: "" }));
  const [, major = "", minor = ""] = /^OpenSSH_(?:for_Windows_)?(\d{1,2})\.(\d{1,2})/.exec(stderr) ?? [];
  const version = Number(major) * 100 + Number(minor);
  if (version >= oldest) return { path: file, name: `OpenSSH ${major}.${minor}`, version };
  throw new ConnectivityError(
    "not_supported",
    version > 0
      ? `the openssh driver needs OpenSSH 8.5 or newer; ${file} is ${major}.${minor}`
      : `${file} is not OpenSSH`,
    { program: file },
  );
}
