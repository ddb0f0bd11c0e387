import { serveInProcess } from "../serve-in-process.ts";
import { clientHello, newClientId } from "#shim/client-hello.ts";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { composePortwright } from "../../composition.ts";
import { portwrightVersion } from "../../version.ts";
import type { Invocation } from "../command.ts";

/** `mcp --no-daemon`: for tests, containers, and where a background process is not wanted. */
export function serveAlone({ env, homeDir, cwd, config }: Invocation): Promise<number> {
  return serveInProcess({
    paths: portwrightPaths(env, homeDir),
    env,
    homeDir,
    compose: composePortwright,
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
