import { setTimeout as pause } from "node:timers/promises";
import type { CuttableRelay } from "../cuttable-relay.ts";

/** What a relay in front of a server can do to all that go through it. */
export const relayDisturbances = ["cut", "away", "freeze"] as const;

/** Does one of them; says what was done to `server`. */
export async function disturbRelay(
  relay: CuttableRelay,
  how: (typeof relayDisturbances)[number],
  server: string,
): Promise<string> {
  if (how === "freeze") {
    relay.freeze();
    return "every connection frozen";
  }
  await relay.cut();
  if (how === "away") await pause(2000);
  await relay.open();
  return how === "away" ? `${server} away for 2 s` : "every connection cut";
}
