import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);

/** PostgreSQL's default is 4,096; a server that asks for more than this wants our time, not a proof. */
const mostIterations = 1_000_000;

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. The user name travels beside it. */
export class Scram {
  readonly #password: string;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(password: string, nonce: string = randomBytes(18).toString("base64")) {
    this.#password = password;
    this.#nonce = nonce;
  }

  get first(): string {
    return `n,,n=,r=${this.#nonce}`;
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
    const salted = await derive(password, Buffer.from(salt, "base64"), iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const withoutProof = `c=biws,r=${nonce}`;
    const signed = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
    const signature = hmac(createHash("sha256").update(clientKey).digest(), signed);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), signed);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Whether the server knows the password too. */
  verify(serverFinal: string): boolean {
    const theirs = Buffer.from(/^v=([^,]+)/.exec(serverFinal)?.[1] ?? "", "base64");
    const ours = this.#serverSignature;
    return ours !== undefined && theirs.length === ours.length && timingSafeEqual(theirs, ours);
  }
}

const hmac = (key: Buffer, value: string): Buffer => createHmac("sha256", key).update(value).digest();
