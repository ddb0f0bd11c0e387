/** What speaks SSH: the library in this process, or the system's OpenSSH. */
export type SshDriverName = "ssh2" | "openssh";

/** Why a server needs the system's OpenSSH. */
export type OpensshReason =
  | "asked_for"
  | "gssapi"
  | "certificate"
  | "hardware_key"
  | "certificate_in_agent"
  | "hardware_key_in_agent"
  | "host_certificate"
  | "pkcs11"
  | "revoked_host_keys"
  | "proxy_command"
  | "proxy_jump";

/** What is known about a login before it is dialled. */
export interface LoginNeeds {
  readonly wanted: "auto" | SshDriverName;
  readonly gssapi: boolean;
  /** Smart cards (`PKCS11Provider`). */
  readonly pkcs11: boolean;
  /** A user certificate lies beside a key, or is named. */
  readonly certificate: boolean;
  /** A key file that is there belongs to a hardware key. */
  readonly hardwareKey: boolean;
  readonly agentHoldsCertificate: boolean;
  readonly agentHoldsHardwareKey: boolean;
  /** known_hosts knows the server by a certificate authority only. */
  readonly onlyByAuthority: boolean;
  /** A list of host keys that are refused (`RevokedHostKeys`), which only OpenSSH reads. */
  readonly revocationList: boolean;
  /** The way to the server that the configuration names, where nobody else goes it. */
  readonly proxy: "proxy_command" | "proxy_jump" | undefined;
}

/** Chooses the driver: the library unless the person says otherwise or the login needs what only OpenSSH can do. */
export function chooseSshDriver(needs: LoginNeeds): {
  readonly driver: SshDriverName;
  readonly because?: OpensshReason;
} {
  if (needs.wanted === "ssh2") return { driver: "ssh2" };
  const because = reason(needs);
  return because === undefined ? { driver: "ssh2" } : { driver: "openssh", because };
}

function reason(needs: LoginNeeds): OpensshReason | undefined {
  if (needs.wanted === "openssh") return "asked_for";
  if (needs.gssapi) return "gssapi";
  if (needs.pkcs11) return "pkcs11";
  if (needs.certificate) return "certificate";
  if (needs.hardwareKey) return "hardware_key";
  if (needs.agentHoldsCertificate) return "certificate_in_agent";
  if (needs.agentHoldsHardwareKey) return "hardware_key_in_agent";
  if (needs.revocationList) return "revoked_host_keys";
  if (needs.onlyByAuthority) return "host_certificate";
  return needs.proxy;
}
