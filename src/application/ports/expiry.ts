/** Something on the way to a service that ends at a known time: a certificate, a token. */
export interface Expiry {
  /** For people, without a secret: `client certificate of context staging`. The same thing has the same words everywhere. */
  readonly what: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** The command that renews it, where it is known. */
  readonly renew?: string;
}
