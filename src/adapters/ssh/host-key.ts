import { readBounded } from "#adapters/net/bounded-file.ts";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import {
  fingerprintOf,
  judgeHostKey,
  keyTypeOf,
  knownHostName,
  knownKeyTypes,
  matchesHostField,
  parseKnownHosts,
  type HostKeyVerdict,
  type KnownHostLine,
} from "./known-hosts.ts";
import { appendKnownHosts, knownHostLine } from "./known-hosts-file.ts";

const defaultPort = 22;

/** Decides whether a server may be talked to, by the known_hosts files as they were when the dial began. */
export interface HostKeyChecker {
  /** What the server is asked for, types that are known for it first. */
  readonly algorithms: ServerHostKeyAlgorithm[];
  /** `undefined` when the key is known; else why it is refused. There is no setting that accepts it. */
  refusal(key: Buffer): ConnectivityError | undefined;
}

/** What ssh2 can verify and OpenSSH still offers by default, in OpenSSH's order (no SHA-1 signature). */
export const algorithmsOfType: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** Whether all that known_hosts says about a server is which authority signs its key, which ssh2 cannot verify. */
export async function knownOnlyByAuthority(server: {
  readonly hostKeyName: string;
  readonly port: number;
  readonly knownHostsFiles: readonly string[];
}): Promise<boolean> {
  const { lines } = await readKnownHosts(server.knownHostsFiles);
  if (knownKeyTypes(lines, server.hostKeyName, server.port).length > 0) return false;
  const names = [knownHostName(server.hostKeyName, server.port), knownHostName(server.hostKeyName, 22)];
  return lines.some(
    ({ marker, hosts }) => marker === "cert-authority" && names.some((name) => matchesHostField(hosts, name)),
  );
}

/** Those of large companies have some MiB. */
const largestKnownHostsBytes = 16 * 1024 * 1024;

interface ReadFiles {
  readonly lines: readonly (KnownHostLine & { readonly file: string })[];
  /** Files that exist but cannot be read, with their errno. */
  readonly unreadable: readonly string[];
}

export async function readKnownHosts(files: readonly string[]): Promise<ReadFiles> {
  const unreadable: string[] = [];
  const perFile = await Promise.all(
    files.map(async (file) => {
      try {
        const bytes = await readBounded(file, largestKnownHostsBytes);
        if (bytes.length <= largestKnownHostsBytes)
          return parseKnownHosts(bytes.toString("utf8")).map((line) => ({ ...line, file }));
        unreadable.push(`${file} (EFBIG)`);
        return [];
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "ENOENT" && code !== "ENOTDIR") unreadable.push(`${file} (${code})`);
        return [];
      }
    }),
  );
  return { lines: perFile.flat(), unreadable };
}

/** The server whose key is judged. */
export interface HostKeyQuestion {
  readonly host: string;
  readonly port: number;
  /** The name in known_hosts: another one than the host is an alias, which stands there without a port. */
  readonly hostKeyName: string;
  /** Absolute paths; the first is where a person adds a key. A file that does not exist is empty. */
  readonly knownHostsFiles: readonly string[];
  /** The person's own configuration says `StrictHostKeyChecking accept-new`: a first key is written down and taken. */
  readonly acceptNew: boolean;
  /** What the person runs to trust a key. */
  readonly trustCommand: string;
}

/** Reads the files once, for one dial. */
export async function hostKeyChecker(server: HostKeyQuestion): Promise<HostKeyChecker> {
  const { hostKeyName: name, port, knownHostsFiles: files } = server;
  const { lines, unreadable } = await readKnownHosts(files);
  const aliased = name !== server.host;
  const known = knownKeyTypes(lines, name, port);
  const judge = (key: Buffer): HostKeyVerdict => {
    const verdict = judgeHostKey(lines, name, port, key);
    return verdict.kind === "unknown" && aliased ? judgeHostKey(lines, name, defaultPort, key) : verdict;
  };
  const types = [...known, ...Object.keys(algorithmsOfType).filter((type) => !known.includes(type))];
  return {
    algorithms: types.flatMap((type) => algorithmsOfType[type] ?? []),
    refusal(key) {
      const verdict = judge(key);
      if (verdict.kind === "known") return undefined;
      const keyType = keyTypeOf(key) ?? "unknown";
      const facts: Facts = {
        fingerprint: fingerprintOf(key),
        // A type that ssh2 negotiated is one of ours; anything else is not repeated.
        key_type: Object.hasOwn(algorithmsOfType, keyType) ? keyType : "other",
        host: server.host,
        port,
        ...(aliased && { known_as: name }),
        known_hosts_file: files[0] ?? "",
        ...(unreadable.length > 0 && { unreadable_files: unreadable }),
      };
      const where = `${server.host}:${port}`;
      if (verdict.kind === "unknown") {
        const line = knownHostLine(name, aliased ? defaultPort : port, key);
        const [file] = files;
        if (server.acceptNew && unreadable.length === 0 && !verdict.certificateAuthority && file !== undefined) {
          // A file that cannot be written is found out by the next dial, which asks again.
          void appendKnownHosts(file, [line]).catch(() => undefined);
          return undefined;
        }
        return new ConnectivityError(
          "host_key_unknown",
          unreadable.length > 0
            ? `the host key of ${where} could not be verified: a known_hosts file cannot be read`
            : `the host key of ${where} is in no known_hosts file; a person must compare its fingerprint and trust it`,
          {
            ...facts,
            known_hosts_line: line,
            trust_command: server.trustCommand,
            ...(verdict.certificateAuthority && { only_by_certificate_authority: true }),
          },
        );
      }
      const file = lines.find((line) => line === verdict.line)?.file ?? "";
      const place = { known_hosts_file: file, known_hosts_line: verdict.line.line };
      if (verdict.kind === "revoked") {
        return new ConnectivityError("host_key_changed", `${where} presented a host key that is marked as revoked`, {
          ...facts,
          ...place,
          revoked: true,
        });
      }
      return new ConnectivityError(
        "host_key_changed",
        `${where} presented another host key than the one that is known for it: it was reinstalled, or somebody is in between`,
        {
          ...facts,
          ...place,
          known_fingerprint: fingerprintOf(verdict.line.key),
          known_key_type: Object.hasOwn(algorithmsOfType, verdict.line.keyType) ? verdict.line.keyType : "other",
          trust_command: server.trustCommand,
        },
      );
    },
  };
}
