import type { OpensshReason } from "#domain/ssh/driver-choice.ts";
import { chooseSshDriver } from "#domain/ssh/driver-choice.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { dialSsh, type SshDial } from "./dial.ts";
import { loginNeeds } from "./login-needs.ts";
import type { ServerConnection } from "./server-connection.ts";

/**
 * Dials by the driver that the server needs: ssh2, or the system's OpenSSH for what only that can do.
 * @throws ConnectivityError with the cause's code; the signal's reason
 */
export async function dialServer(dial: SshDial): Promise<ServerConnection> {
  const { driver, because } = chooseSshDriver(await loginNeeds(dial.settings, dial.access, dial.route));
  if (driver === "ssh2") {
    const { revokedHostKeysFile } = dial.settings.resolved;
    if (revokedHostKeysFile === undefined) return dialSsh(dial);
    // To leave a list of refused keys out would be to take them.
    throw new ConnectivityError("not_supported", "RevokedHostKeys of ~/.ssh/config needs the driver openssh", {
      option: "RevokedHostKeys",
    });
  }
  const { dialOpenssh } = await import("./openssh/dial-openssh.ts");
  try {
    return await dialOpenssh(dial, because ?? "asked_for");
  } catch (error) {
    if (!(error instanceof ConnectivityError) || error.code !== "not_supported" || because === undefined) throw error;
    const facts = { ...error.facts, needed_for: because };
    throw new ConnectivityError("not_supported", `${error.message} (needed for ${words[because]})`, facts, {
      cause: error,
    });
  }
}

const words: Readonly<Record<OpensshReason, string>> = {
  asked_for: "driver: openssh",
  gssapi: "GSSAPIAuthentication",
  certificate: "an SSH certificate",
  hardware_key: "a hardware key",
  certificate_in_agent: "a certificate in the agent",
  hardware_key_in_agent: "a hardware key in the agent",
  revoked_host_keys: "RevokedHostKeys",
  host_certificate: "a host that is known by its authority",
  pkcs11: "PKCS11Provider",
  proxy_command: "ProxyCommand",
  proxy_jump: "ProxyJump",
};
