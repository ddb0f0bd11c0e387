/** `portwright mcp --no-daemon` around the echo application, with a library that prints to stdout. */
import { homedir } from "node:os";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { serveInProcess } from "#server/daemon/serve-in-process.ts";
import { clientHello } from "#shim/client-hello.ts";
import { stdoutForJsonRpc } from "#shim/stdout-for-json-rpc.ts";
import { composeEcho } from "./echo-composition.ts";

const { env } = process;
const code = await serveInProcess({
  paths: portwrightPaths(env, homedir()),
  env,
  homeDir: homedir(),
  compose: (context) => {
    setInterval(() => process.stdout.write("a library prints here\n"), 5).unref();
    // oxlint-disable-next-line no-console -- what must not reach stdout
    console.log("and here");
    return composeEcho(context);
  },
  openStreams: () => ({ input: process.stdin, output: stdoutForJsonRpc() }),
  hello: clientHello({ id: "alone", version: "0.1.0", client: "unknown", terminal: false, env, cwd: process.cwd() }),
}).catch((error: unknown) => {
  process.stderr.write(String(error));
  return 1;
});
process.exit(code);
