import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { Facts } from "#domain/connectivity-error.ts";
import type { HealthCheckOf, HealthCheckType } from "#domain/spec/health-check.ts";
import type { Access } from "./access.ts";
import type { TunnelStream } from "./forward-driver.ts";

/** The way a probe reaches its target: through the service's own path, or beside it. */
export interface ProbePath {
  /** Opens one connection. @throws ConnectivityError */
  connect(signal: AbortSignal): Promise<TunnelStream>;
  /** What a client writes to reach it (`Host` header, TLS server name). */
  readonly host: string;
  readonly port: number;
}

/** Milliseconds per phase, in order: `dial`, `tls`, `auth`, `first_byte`. Only those that took place. */
export type PhasesMs = Readonly<Record<string, number>>;

export type ProbeResult =
  | {
      readonly ok: true;
      /** `redis PING`, `http 200 GET /healthz`. */ readonly by: string;
      readonly phasesMs: PhasesMs;
      readonly facts?: Facts;
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      /** Our sentence. */
      readonly message: string;
      readonly phasesMs: PhasesMs;
      readonly facts?: Facts;
      /** What the server said, raw and clipped to 2 KiB: evidence only. */
      readonly untrusted?: string;
    };

/** One protocol-level exchange. Never throws: what went wrong is the result (aborted by the signal: `operation_timed_out`). */
export interface Probe<T extends HealthCheckType = HealthCheckType> {
  run(
    check: HealthCheckOf<T>,
    path: ProbePath,
    context: { readonly signal: AbortSignal; readonly access: Access },
  ): Promise<ProbeResult>;
}

/** Finds the probe of a type; adapters are loaded on first use. */
export interface Probes {
  run(
    check: HealthCheckOf<HealthCheckType>,
    path: ProbePath,
    context: { readonly signal: AbortSignal; readonly access: Access },
  ): Promise<ProbeResult>;
}
