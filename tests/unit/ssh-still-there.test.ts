import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { isStillThere } from "#adapters/ssh/still-there.ts";

/** A question that gets no answer. */
const unanswered = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

test("[ssh-verify] an answer, or any word that comes later than what was said before", async () => {
  const socket = new PassThrough();
  expect(await isStillThere(socket, () => Promise.resolve(), 1000)).toBe(true);
  setTimeout(() => socket.write("data"), 700);
  expect(await isStillThere(socket, unanswered, 1000)).toBe(true);
  expect(socket.listenerCount("data")).toBe(0);
});

test("[ssh-verify] what was on its way when it was asked is no answer", async () => {
  const socket = new PassThrough();
  setTimeout(() => socket.write("data"), 50);
  expect(await isStillThere(socket, unanswered, 1000)).toBe(false);
});
