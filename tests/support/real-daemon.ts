import { composeDaemon } from "../../src/composition.ts";
import { portwrightVersion } from "../../src/version.ts";
import { startDaemon } from "./daemon-in-process.ts";
import type { Sandbox } from "./processes.ts";

/** A daemon of this process with all of the product in it, in the sandbox's environment. */
export const startRealDaemon = (sandbox: Sandbox): ReturnType<typeof startDaemon> =>
  startDaemon(sandbox, {
    compose: composeDaemon,
    version: portwrightVersion,
    env: sandbox.env,
    helloTimeoutMs: 5000,
  });
