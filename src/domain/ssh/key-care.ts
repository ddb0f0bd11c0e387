/** What is known about one private key of a person, without opening it. */
export interface SshKeyFacts {
  /** As it is shown: `~/.ssh/id_ed25519`. */
  readonly file: string;
  /** Named by a host or a service, and not there. */
  readonly missing: boolean;
  /** It is there and cannot be read, or is no key of a known form. */
  readonly unreadable: boolean;
  /** The file is the public half, for a key that an agent has. */
  readonly publicOnly?: boolean;
  /** `ssh-ed25519`, `ssh-rsa`, …; `undefined` when its public half is not known. */
  readonly type: string | undefined;
  readonly bits: number | undefined;
  readonly fingerprint: string | undefined;
  readonly encrypted: boolean;
  /** The permission bits; `undefined` where there are none (Windows). */
  readonly mode: number | undefined;
  readonly ownedByOther: boolean;
  /** When the file was written last, epoch milliseconds. */
  readonly writtenMs: number | undefined;
  readonly inAgent: boolean;
  readonly certificate: SshCertificateFacts | undefined;
  /** Hosts of `~/.ssh/config` that name it. */
  readonly hosts: readonly string[];
  readonly services: readonly string[];
  /** One of those that ssh offers by itself. */
  readonly usual: boolean;
}

export interface SshCertificateFacts {
  readonly file: string;
  readonly validAfterMs: number | undefined;
  readonly validBeforeMs: number | undefined;
}

export type SshKeyFindingCode =
  | "missing"
  | "unreadable"
  | "readable_by_others"
  | "owned_by_other"
  | "dsa"
  | "weak_rsa"
  | "not_encrypted"
  | "old"
  | "unused"
  | "certificate_expired"
  | "certificate_expiring"
  | "certificate_not_yet_valid";

/** Something about a key that a person should know. */
export interface SshKeyFinding {
  readonly code: SshKeyFindingCode;
  /** `problem`: it fails or is unsafe now; `advice`: better otherwise. */
  readonly severity: "problem" | "advice";
  readonly what: string;
  /** What to do, a command where there is one. */
  readonly advice: string;
}

const dayMs = 86_400_000;
/** NIST SP 800-57 part 1: 3,072 bits of RSA for what is to hold beyond 2030; below 2,048 nothing holds. */
const strongRsaBits = 3072;
const weakestRsaBits = 2048;
/** A key that nobody has touched for so long is known in places that nobody remembers. */
const oldMs = 3 * 365 * dayMs;
/** A certificate is worth a word when a fifth of its life, at most two weeks, is left. */
const lastPart = 0.2;
const longestNoticeMs = 14 * dayMs;

/** Judges a key. Problems first. */
export function judgeSshKey(key: SshKeyFacts, nowMs: number): readonly SshKeyFinding[] {
  const found: SshKeyFinding[] = [];
  const add = (code: SshKeyFindingCode, severity: SshKeyFinding["severity"], what: string, advice: string): number =>
    found.push({ code, severity, what, advice });
  const { file } = key;

  if (key.missing) {
    add("missing", "problem", `${file} is named and not there`, "correct the name, or take the line out");
    return found;
  }
  if (key.publicOnly && !key.inAgent)
    add(
      "unreadable",
      "advice",
      `${file} is the public half of a key that the agent of SSH_AUTH_SOCK does not hold`,
      "ssh-add the private one",
    );
  if (key.unreadable) add("unreadable", "problem", `${file} cannot be read as a key`, `ssh-keygen -yf ${file}`);
  if (key.ownedByOther)
    add("owned_by_other", "problem", `${file} belongs to another user`, "copy it to a file of your own");
  if (key.mode !== undefined && !key.publicOnly && (key.mode & 0o077) !== 0) {
    const mode = (key.mode & 0o777).toString(8).padStart(4, "0");
    add("readable_by_others", "problem", `others may read ${file} (${mode}); OpenSSH refuses it`, `chmod 600 ${file}`);
  }
  const [host = "HOST", ...more] = key.hosts;
  const replace = `portwright ssh key rotate ${more.length === 0 ? host : "HOST"} makes an Ed25519 key and replaces it`;
  if (key.type === "ssh-dss") {
    add("dsa", "problem", `${file} is a DSA key, which OpenSSH has not taken since 7.0`, replace);
  }
  if (key.type === "ssh-rsa" && key.bits !== undefined && key.bits < strongRsaBits) {
    const severity = key.bits < weakestRsaBits ? "problem" : "advice";
    add("weak_rsa", severity, `${file} is an RSA key of ${key.bits} bits, fewer than ${strongRsaBits}`, replace);
  }
  if (key.certificate) judgeCertificate(key.certificate, nowMs, add);
  if (!key.encrypted && !key.unreadable && !key.publicOnly && !(key.type ?? "").startsWith("sk-")) {
    add(
      "not_encrypted",
      "advice",
      `${file} has no passphrase: who copies the file has the key`,
      `ssh-keygen -p -f ${file}`,
    );
  }
  if (key.writtenMs !== undefined && nowMs - key.writtenMs > oldMs) {
    const years = Math.floor((nowMs - key.writtenMs) / (365 * dayMs));
    add("old", "advice", `${file} is ${years} years old`, replace);
  }
  if (!key.usual && !key.inAgent && key.hosts.length === 0 && key.services.length === 0) {
    add("unused", "advice", `no host and no service names ${file}`, "remove it where it is authorized, then the file");
  }
  return found.toSorted((left, right) => rank(left) - rank(right));
}

const rank = ({ severity }: SshKeyFinding): number => (severity === "problem" ? 0 : 1);

function judgeCertificate(
  { file, validAfterMs = 0, validBeforeMs }: SshCertificateFacts,
  nowMs: number,
  add: (code: SshKeyFindingCode, severity: SshKeyFinding["severity"], what: string, advice: string) => void,
): void {
  const renew = "have it signed again";
  if (validAfterMs > nowMs) {
    add("certificate_not_yet_valid", "problem", `${file} is not valid before ${iso(validAfterMs)}`, "check this clock");
  }
  if (validBeforeMs === undefined) return;
  const noticeMs = Math.min(longestNoticeMs, (validBeforeMs - validAfterMs) * lastPart);
  if (validBeforeMs <= nowMs) {
    add("certificate_expired", "problem", `${file} expired at ${iso(validBeforeMs)}`, renew);
  } else if (validBeforeMs - nowMs <= noticeMs) {
    add("certificate_expiring", "advice", `${file} expires at ${iso(validBeforeMs)}`, renew);
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();
