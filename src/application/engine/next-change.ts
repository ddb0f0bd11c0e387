import type { Clock } from "../ports/clock.ts";
import type { Engine } from "./engine.ts";
import type { Workspace } from "./workspace.ts";

const tickMs = 100;

/** Resolves at the next event of the workspace, or a tick later, or when the call ends. */
export function nextChange(engine: Engine, workspace: Workspace, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer[Symbol.dispose]();
      subscription[Symbol.dispose]();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(tickMs, done);
    const subscription = engine.events.onEvent((event) => {
      if (event.workspace === workspace.path) done();
    });
    signal.addEventListener("abort", done, { once: true });
  });
}
