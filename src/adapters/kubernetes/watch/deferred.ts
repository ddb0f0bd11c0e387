import type { ConnectivityError } from "#domain/connectivity-error.ts";

/** A promise that somebody else settles; a rejection that nobody waits for is no error. */
export interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: ConnectivityError) => void;
}

export function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: ConnectivityError) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Nobody may be waiting.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
