import { describe, expect, test } from "vitest";
import { StandingAnswers } from "#adapters/kubernetes/standing-answers.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { createSimulatedClock } from "../support/simulated-clock.ts";

const wait = new AbortController().signal;

describe("questions to a cluster", () => {
  test("are put once for all who ask at the same time, and the answer stands for a while", async () => {
    const clock = createSimulatedClock();
    const answers = new StandingAnswers<number>(clock, 60_000);
    let asked = 0;
    const get = (key: string): Promise<number> => answers.get(key, () => Promise.resolve(++asked), wait);
    expect(await Promise.all([get("a"), get("a"), get("b"), get("a")])).toEqual([1, 1, 2, 1]);
    await clock.advance(59_000);
    expect(await get("a")).toBe(1);
    await clock.advance(2000);
    expect(await get("a")).toBe(3);
  });

  test("a failure is told to all who wait for it, and does not stand", async () => {
    const answers = new StandingAnswers<string>(createSimulatedClock(), 60_000);
    const refused = new ConnectivityError("cluster_unreachable", "the cluster does not answer");
    const asking = Promise.withResolvers<string>();
    const two = [1, 2].map(() => answers.get("a", () => asking.promise, wait));
    asking.reject(refused);
    for (const one of two) await expect(one).rejects.toBe(refused);
    expect(await answers.get("a", () => Promise.resolve("well"), wait)).toBe("well");
  });

  test("who leaves ends its own wait; the last one withdraws the question", async () => {
    const answers = new StandingAnswers<string>(createSimulatedClock(), 60_000);
    const [first, second] = [new AbortController(), new AbortController()];
    let withdrawn: AbortSignal | undefined;
    const never = (signal: AbortSignal): Promise<string> => {
      withdrawn = signal;
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const [one, two] = [answers.get("a", never, first.signal), answers.get("a", never, second.signal)];
    first.abort(new ConnectivityError("cancelled", "the first left"));
    await expect(one).rejects.toMatchObject({ code: "cancelled" });
    expect(withdrawn?.aborted).toBe(false);
    second.abort(new ConnectivityError("cancelled", "the second left"));
    await expect(two).rejects.toMatchObject({ code: "cancelled" });
    expect(withdrawn?.aborted).toBe(true);
    expect(await answers.get("a", () => Promise.resolve("asked anew"), wait)).toBe("asked anew");
  });
});
