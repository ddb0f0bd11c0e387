import { resolve } from "node:path";
import { hostname } from "node:os";
import type { Invocation } from "../command.ts";

/** Where a new key of a host lies unless `--file` says otherwise: named after it, for one host only. */
export function newKeyPath({ options, cwd, homeDir }: Invocation, host: string): string {
  const { file } = options;
  if (typeof file === "string") return resolve(cwd, file.replace(/^~(?=\/|$)/, homeDir));
  const name = host.replaceAll(/[^A-Za-z0-9.-]+/g, "_").replace(/^[.-]+/, "");
  return resolve(homeDir, ".ssh", `id_ed25519_${name}`);
}

/** Says in `authorized_keys` of a host whose it is, and since when. */
export const keyComment = ({ env }: Invocation, today: string): string =>
  `${(env["USER"] ?? "portwright").replaceAll(/[^\w.-]/g, "_")}@${hostname()} ${today}`;
