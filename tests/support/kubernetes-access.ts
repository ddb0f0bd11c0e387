import { tmpdir } from "node:os";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";

/** The access of somebody with just these variables. */
export function accessWith(environment: Readonly<Record<string, string>>, homeDir = tmpdir()): Access {
  return {
    env: (name) => environment[name],
    environment: () => environment,
    homeDir,
    workspaceDir: homeDir,
    resolve: (template) => Promise.resolve(template),
  };
}

/** Real time; timers do not keep the process alive. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  random: () => Math.random(),
};

/** A service of technology kubernetes. */
export const kubernetesService = (
  connection: Readonly<Record<string, unknown>>,
  remotePort: number | string,
  keys: Readonly<Record<string, unknown>> = {},
): ServiceSpec =>
  serviceSchema.parse({ name: "target", technology: "kubernetes", remote_port: remotePort, connection, ...keys });

/** The code that a promise rejects with; the text of any other error. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => (error instanceof ConnectivityError ? error.code : String(error)),
  );
