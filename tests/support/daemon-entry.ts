/** A daemon process around the echo application; what `portwright daemon run` is to the real one. */
import { homedir } from "node:os";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { runDaemonProcess } from "#server/daemon/daemon-process.ts";
import { composeEcho } from "./echo-composition.ts";

if (process.env["PORTWRIGHT_TEST_BROKEN"] !== undefined) {
  process.stderr.write("first line of the log\nthe daemon cannot start: test\n");
  process.exit(1);
}
const paths = portwrightPaths(process.env, homedir());
process.exitCode = await runDaemonProcess({ paths, env: process.env, homeDir: homedir(), compose: composeEcho });
process.exit();
