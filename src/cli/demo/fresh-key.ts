import ssh2 from "ssh2";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** A key pair in OpenSSH form. */
export interface FreshKey {
  readonly private: string;
  readonly public: string;
}

/**
 * A new Ed25519 key pair that can be read again. ssh2 1.17.0 writes one of 256 wrong: it takes the zero byte that its
 * public half begins with for padding (16 of 5,000 were measured), so a pair that cannot be read is thrown away.
 */
export function freshKey(): FreshKey {
  for (let tries = 0; tries < mostTries; tries++) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    const halves = [pair.private, pair.public].map((half) => ssh2.utils.parseKey(half));
    if (!halves.some((half) => half instanceof Error)) return pair;
  }
  throw new ConnectivityError("internal_error", "no key could be made");
}

/** Eight in a row are wrong once in 10^19 times. */
const mostTries = 8;
