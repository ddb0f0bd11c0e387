import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** After a client came or went, it may still be at work; its first calls are over by then. */
const restMs = 3000;
/** A collection stops everything for 10 to 40 ms (measured on a heap of 4 MB): clients that come and go by the second cause one a minute. */
const leastGapMs = 60_000;

/** Gives memory back to the system when the daemon comes to rest. */
export interface MemoryAtRest extends Disposable {
  /** Something began or ended: what it leaves behind is collected a little later. */
  stirred(): void;
}

/**
 * V8 collects when it needs room. A daemon that has nothing to do never does, and would hold what its start and its last
 * client left behind (3 to 4 MB of 23) for days. So it is collected once, compacted, shortly after a client came or went,
 * but never while `busy()`: a pause would be felt on a forwarded connection.
 */
export function watchMemory(options: {
  readonly busy: () => boolean;
  readonly collect?: () => void;
  readonly restMs?: number;
  readonly leastGapMs?: number;
}): MemoryAtRest {
  const gapMs = options.leastGapMs ?? leastGapMs;
  let notBeforeMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const stirred = (): void => {
    clearTimeout(timer);
    timer = setTimeout(rested, Math.max(options.restMs ?? restMs, notBeforeMs - performance.now()));
    timer.unref();
  };
  const rested = (): void => {
    notBeforeMs = performance.now() + gapMs;
    if (options.busy()) stirred();
    else (options.collect ?? collectAll)();
  };
  return { stirred, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** What `node --expose-gc` offers, without giving it to the whole process. */
function collectAll(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: object) => void;
  setFlagsFromString("--no-expose-gc");
  collect({ type: "major", flavor: "last-resort", execution: "sync" });
}
