import type { Invocation } from "./command.ts";
import { openSession, type ToolAnswer } from "./daemon-session.ts";
import { showProgress } from "./show-progress.ts";

export type { ToolAnswer } from "./daemon-session.ts";

/**
 * Calls one tool of the daemon, which is started when none runs. Its progress is shown on stderr, when that is a terminal.
 * @throws ConnectivityError `daemon_unreachable`, `invalid_arguments` (no such tool)
 */
export async function callTool(
  invocation: Invocation,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<ToolAnswer> {
  using session = await openSession(invocation);
  using progress = showProgress(invocation.stderr);
  return await session.call(name, args, (message) => progress.show(message));
}
