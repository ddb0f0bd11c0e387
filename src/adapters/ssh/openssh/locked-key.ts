import { readBounded } from "#adapters/net/bounded-file.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isEncrypted, largestKeyBytes } from "../private-key.ts";
import type { SshSettings } from "../settings.ts";
import type { LoginLog } from "./login-log.ts";

/**
 * Whether the login failed because the key that the server takes, or the only one there is, is encrypted and did not open.
 * @param given the passphrase was asked for and given
 */
export async function lockedKey(
  log: LoginLog,
  settings: SshSettings,
  given: boolean,
): Promise<ConnectivityError | undefined> {
  if ((settings.passphrase !== undefined && !given) || !log.saw("denied")) return undefined;
  const accepted = log.fact("accepted_key");
  const files = accepted !== undefined ? [accepted] : log.tried.length === 0 ? settings.keyFiles : [];
  for (const file of files) {
    const text = await readBounded(file, largestKeyBytes).catch(() => "");
    if (!isEncrypted(text.toString("utf8").trim())) continue;
    const facts = { key_file: file, driver: "openssh", ...(given && { passphrase: "refused" }) };
    const message = given
      ? `the passphrase does not open the key ${file}`
      : `the key ${file} is encrypted and no passphrase is set`;
    return new ConnectivityError("ssh_key_passphrase_required", message, facts);
  }
  return undefined;
}
