import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { failure } from "./failures.ts";

const derive = promisify(pbkdf2);

/** PostgreSQL's default is 4,096; a server that asks for more than this wants our time, not a proof. */
const mostIterations = 1_000_000;

export interface ScramOptions {
  /** Absent where it travels beside the exchange (PostgreSQL). */
  readonly user?: string;
  /** Random; given in tests only. */
  readonly nonce?: string;
  readonly hash?: "sha256" | "sha512";
}

/** The client's side of SCRAM-SHA-256 or -512 (RFC 5802, RFC 7677), without channel binding. */
export class Scram {
  readonly #password: string;
  readonly #nonce: string;
  readonly #hash: "sha256" | "sha512";
  /** `client-first-message-bare`. */
  readonly #bare: string;
  #serverSignature: Buffer | undefined;

  constructor(password: string, options: ScramOptions = {}) {
    this.#password = password;
    this.#nonce = options.nonce ?? randomBytes(18).toString("base64");
    this.#hash = options.hash ?? "sha256";
    this.#bare = `n=${(options.user ?? "").replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${this.#nonce}`;
  }

  get first(): string {
    return `n,,${this.#bare}`;
  }

  /** Answers the server's first message; `undefined` when it is none. */
  async final(serverFirst: string): Promise<string | undefined> {
    const fields = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(serverFirst);
    const [, nonce = "", salt = "", iterationsText = ""] = fields ?? [];
    const iterations = Number(iterationsText);
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce || iterations < 1 || iterations > mostIterations)
      return undefined;
    // SASLprep is, for what people use in passwords, compatibility composition.
    const password = this.#password.normalize("NFKC");
    const salted = await derive(
      password,
      Buffer.from(salt, "base64"),
      iterations,
      this.#hash === "sha256" ? 32 : 64,
      this.#hash,
    );
    const clientKey = this.#hmac(salted, "Client Key");
    const withoutProof = `c=biws,r=${nonce}`;
    const signed = `${this.#bare},${serverFirst},${withoutProof}`;
    const signature = this.#hmac(createHash(this.#hash).update(clientKey).digest(), signed);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = this.#hmac(this.#hmac(salted, "Server Key"), signed);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Whether the server knows the password too. */
  verify(serverFinal: string): boolean {
    const theirs = Buffer.from(/^v=([^,]+)/.exec(serverFinal)?.[1] ?? "", "base64");
    const ours = this.#serverSignature;
    return ours !== undefined && theirs.length === ours.length && timingSafeEqual(theirs, ours);
  }

  /** @throws ConnectivityError `application_auth_failed` unless it does; `who` is what the server is called */
  expectProof(serverFinal: string, who = "server"): void {
    if (!this.verify(serverFinal))
      throw failure("application_auth_failed", `the ${who} could not show that it knows the password itself`);
  }

  #hmac(key: Buffer, value: string): Buffer {
    return createHmac(this.#hash, key).update(value).digest();
  }
}
