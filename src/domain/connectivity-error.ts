import { errorCatalogue, type ErrorCode } from "./error-catalogue.ts";

/** A fact beside an error or a finding: small, ours, safe to show. Text from outside goes under `untrusted`. */
export type FactValue = string | number | boolean | readonly string[];
export type Facts = Readonly<Record<string, FactValue>>;

/** What failed, as data: what is stored, shown, and reasoned about. `message` is our own sentence, never upstream text. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly facts?: Facts;
  /** Text from outside (a banner, stderr of a plugin, a log line): evidence, clipped and fenced where it is shown. */
  readonly untrusted?: string;
}

export interface ConnectivityErrorOptions extends ErrorOptions {
  readonly untrusted?: string;
}

/** The one error class: a code of the catalogue, our own sentence, facts, and the cause kept. */
export class ConnectivityError extends Error {
  readonly code: ErrorCode;
  readonly facts: Facts;
  readonly untrusted: string | undefined;

  constructor(code: ErrorCode, message: string, facts: Facts = {}, options: ConnectivityErrorOptions = {}) {
    super(message, options);
    this.name = "ConnectivityError";
    this.code = code;
    this.facts = facts;
    this.untrusted = options.untrusted;
  }

  /** Whether trying again without any change can help (from the catalogue). */
  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }

  toFailure(): Failure {
    return {
      code: this.code,
      message: this.message,
      ...(Object.keys(this.facts).length > 0 && { facts: this.facts }),
      ...(this.untrusted !== undefined && { untrusted: this.untrusted }),
    };
  }
}

/** Whether a stream's error says that the target was never reached, so that nothing of what was sent got anywhere. */
export const isUndelivered = (error: unknown): boolean =>
  error instanceof ConnectivityError && error.facts["delivered"] === false;

/**
 * Any thrown value as a `ConnectivityError`: ours as it is, an abort as `cancelled`, the rest as `internal_error` with
 * the cause kept (its text does not become ours).
 */
export function toConnectivityError(thrown: unknown): ConnectivityError {
  if (thrown instanceof ConnectivityError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return new ConnectivityError("cancelled", "the call was cancelled", {}, { cause: thrown });
  }
  return new ConnectivityError("internal_error", "something in Portwright itself went wrong", {}, { cause: thrown });
}
