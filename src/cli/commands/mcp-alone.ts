import { serveInProcess } from "#server/daemon/serve-in-process.ts";
import { clientHello, newClientId } from "#shim/client-hello.ts";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { stdoutForJsonRpc } from "#shim/stdout-for-json-rpc.ts";
import { portwrightVersion } from "../../version.ts";
import type { Invocation } from "../command.ts";

/** `mcp --no-daemon`: for tests, containers, and where a background process is not wanted. */
export function serveAlone({ env, homeDir, cwd, config, compose }: Invocation): Promise<number> {
  return serveInProcess({
    paths: portwrightPaths(env, homeDir),
    env,
    homeDir,
    compose,
    openStreams: () => ({ input: process.stdin, output: stdoutForJsonRpc() }),
    hello: clientHello({
      id: newClientId(),
      version: portwrightVersion,
      client: "unknown",
      config,
      terminal: false,
      env,
      cwd,
    }),
  });
}
