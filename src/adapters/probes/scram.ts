import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);
/** RFC 7677 asks for 4,096; a server that asks for millions would stop the process for seconds. */
const mostIterations = 1_000_000;

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as PostgreSQL speaks it. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  constructor(password: string, nonce: string = randomBytes(18).toString("base64")) {
    this.#password = password;
    this.#nonce = nonce;
  }

  /** PostgreSQL takes the user of the start-up message, so `n=` is empty. */
  get firstMessage(): string {
    return `n,,n=,r=${this.#nonce}`;
  }

  /** The answer to the server's challenge; `undefined` when the challenge is not a valid one. */
  async finalMessage(serverFirst: string): Promise<string | undefined> {
    const attributes = new Map(serverFirst.split(",").map((part) => [part.slice(0, 1), part.slice(2)]));
    const nonce = attributes.get("r") ?? "";
    const salt = Buffer.from(attributes.get("s") ?? "", "base64");
    const iterations = Number(attributes.get("i"));
    const sane = Number.isInteger(iterations) && iterations >= 1 && iterations <= mostIterations;
    if (!nonce.startsWith(this.#nonce) || salt.length === 0 || !sane) return undefined;
    const salted = await derive(this.#password.normalize("NFKC"), salt, iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha256").update(clientKey).digest();
    const withoutProof = `c=biws,r=${nonce}`;
    const authMessage = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), authMessage);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Whether the server knows the password too. */
  verifies(serverFinal: string): boolean {
    const given = Buffer.from(/^v=([^,]+)/.exec(serverFinal)?.[1] ?? "", "base64");
    const wanted = this.#serverSignature;
    return wanted !== undefined && given.length === wanted.length && timingSafeEqual(given, wanted);
  }
}
