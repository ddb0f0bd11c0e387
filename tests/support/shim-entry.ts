/** A shim process that starts `daemon-entry.ts` as its daemon; what `portwright mcp` is to the real one. */
import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { runShimProcess } from "#shim/shim-process.ts";

await runShimProcess({
  place: {
    paths: portwrightPaths(process.env, homedir()),
    command: [process.execPath, fileURLToPath(new URL("daemon-entry.ts", import.meta.url))],
    env: process.env,
  },
  ...(process.env["PORTWRIGHT_TEST_REACH_MS"] !== undefined && {
    reachTimeoutMs: Number(process.env["PORTWRIGHT_TEST_REACH_MS"]),
  }),
});
