import type { Random } from "./random.ts";
import type { TargetStep } from "./target.ts";

/** What a client does, one after the other. It reads and compares all the while, except while it stalls. */
export type ClientStep =
  | { readonly do: "send"; readonly bytes: number; readonly pieces?: number }
  | { readonly do: "take"; readonly bytes: number }
  | { readonly do: "both"; readonly send: number; readonly take: number }
  /** `pipelined` messages go out before their answers come. */
  | { readonly do: "talk"; readonly messages: number; readonly bytes: number; readonly pipelined: boolean }
  | { readonly do: "wait"; readonly ms: number }
  /** Reads nothing meanwhile. */
  | { readonly do: "stall"; readonly ms: number }
  | { readonly do: "end" }
  /** The target's end, with nothing before it but what was taken. */
  | { readonly do: "takeEnd" }
  /** The target broke it off. */
  | { readonly do: "takeReset" }
  /** The target is done with it, in whatever way. */
  | { readonly do: "takeAnyEnd" }
  /** Sends without end, and must be told that nobody takes it. */
  | { readonly do: "flood" }
  | { readonly do: "close" }
  | { readonly do: "reset" };

export interface Scenario {
  readonly kind: string;
  /** `banner`: a target that speaks first. `refused`: a port where nothing listens. */
  readonly port: "main" | "banner" | "refused";
  readonly target: readonly TargetStep[];
  readonly client: readonly ClientStep[];
  /** The target does all its steps too. */
  readonly whole: boolean;
}

/** What a way to the target can do. */
export interface WayLimits {
  /** Whether an end of input is passed on at once: not through containerd, which cuts a second after it. */
  readonly halfClose: boolean;
  /** Whether a target's reset arrives as one: OpenSSH makes an end in order of it. */
  readonly resets: boolean;
  /** Whether a port that is closed at the far end resets the client: sshd's own end of a remote forward ends in order, as
   * its sockets do when its session is killed. */
  readonly refuses: boolean;
  /** Bytes of one transfer at most. */
  readonly mostBytes: number;
}

type Make = (random: Random, limits: WayLimits) => Omit<Scenario, "kind" | "port" | "whole"> & Partial<Scenario>;

const leaving = (random: Random): ClientStep[] =>
  random.of<ClientStep[]>([{ do: "end" }, { do: "takeAnyEnd" }], [{ do: "close" }], [{ do: "reset" }]);

const makers: Readonly<Record<string, readonly [weight: number, make: Make]>> = {
  download: [
    3,
    (random, { mostBytes }) => {
      const bytes = random.size(mostBytes);
      return {
        target: [{ do: "send", bytes }, { do: "end" }, { do: "takeEnd" }],
        client: [{ do: "take", bytes }, { do: "takeEnd" }, { do: "end" }, { do: "takeAnyEnd" }],
      };
    },
  ],
  "download by a reader that pauses": [
    2,
    (random, { mostBytes }) => {
      const bytes = random.between(mostBytes >> 2, mostBytes * 2);
      const ms = random.between(200, 4000);
      return {
        target: [{ do: "send", bytes }, { do: "end" }],
        client: [
          { do: "stall", ms },
          { do: "take", bytes: bytes >> 1 },
          { do: "stall", ms: ms >> 1 },
          { do: "takeEnd" },
          { do: "end" },
        ],
      };
    },
  ],
  upload: [
    3,
    (random, { mostBytes }) => {
      const bytes = random.size(mostBytes);
      return {
        target: [{ do: "take", bytes }, { do: "send", bytes: 20 }, { do: "end" }],
        client: [{ do: "send", bytes }, { do: "take", bytes: 20 }, { do: "takeEnd" }, { do: "end" }],
        whole: true,
      };
    },
  ],
  "upload to a target that pauses": [
    2,
    (random, { mostBytes }) => {
      const bytes = random.size(mostBytes * 2);
      return {
        target: [
          { do: "wait", ms: random.between(100, 3000) },
          { do: "take", bytes: bytes >> 1 },
          { do: "wait", ms: random.between(0, 1500) },
          { do: "take", bytes: bytes - (bytes >> 1) },
          { do: "send", bytes: 20 },
        ],
        client: [{ do: "send", bytes }, { do: "take", bytes: 20 }, ...leaving(random)],
        whole: true,
      };
    },
  ],
  "both at once": [
    3,
    (random, { mostBytes }) => {
      const [up, down] = [random.size(mostBytes), random.size(mostBytes)];
      return {
        target: [
          { do: "both", send: down, take: up },
          { do: "send", bytes: 20 },
        ],
        client: [{ do: "both", send: up, take: down }, { do: "take", bytes: 20 }, ...leaving(random)],
        whole: true,
      };
    },
  ],
  echo: [
    2,
    (random, { mostBytes }) => {
      const bytes = random.size(mostBytes);
      return {
        target: [{ do: "answer", bytes }, { do: "end" }],
        client: [{ do: "both", send: bytes, take: bytes }, { do: "takeEnd" }, { do: "end" }],
        whole: true,
      };
    },
  ],
  "small messages": [
    4,
    (random) => {
      const [messages, bytes] = [random.between(1, 100), random.size(500)];
      return {
        target: [{ do: "answer", bytes: messages * bytes }],
        client: [{ do: "talk", messages, bytes, pipelined: random.chance(0.6) }, ...leaving(random)],
        whole: true,
      };
    },
  ],
  "half-close, then read": [
    2,
    (random, { mostBytes }) => {
      const [up, down] = [random.size(20_000), random.size(mostBytes)];
      return {
        target: [
          { do: "take", bytes: up },
          { do: "wait", ms: random.between(0, 3000) },
          { do: "send", bytes: down },
          { do: "end" },
        ],
        client: [{ do: "send", bytes: up }, { do: "end" }, { do: "take", bytes: down }, { do: "takeEnd" }],
        whole: true,
      };
    },
  ],
  "half-close that the target waits for": [
    1,
    (random, { halfClose }) => {
      const [up, down] = [random.size(100_000), random.size(100_000)];
      return {
        target: [{ do: "take", bytes: up }, { do: "takeEnd" }, { do: "send", bytes: down }, { do: "end" }],
        client: halfClose
          ? [{ do: "send", bytes: up }, { do: "end" }, { do: "take", bytes: down }, { do: "takeEnd" }]
          : [{ do: "send", bytes: up }, { do: "end" }, { do: "takeAnyEnd" }],
        whole: halfClose,
      };
    },
  ],
  "the target ends its output, the client goes on": [
    1,
    (random, { halfClose, mostBytes }) => {
      const [up, down] = [random.size(mostBytes), random.size(100_000)];
      if (!halfClose)
        return {
          target: [{ do: "send", bytes: down }, { do: "end" }],
          client: [{ do: "takeEnd" }, { do: "send", bytes: 100 }, { do: "end" }],
        };
      return {
        target: [{ do: "send", bytes: down }, { do: "end" }, { do: "take", bytes: up }, { do: "takeEnd" }],
        client: [{ do: "take", bytes: down }, { do: "takeEnd" }, { do: "send", bytes: up }, { do: "end" }],
        whole: true,
      };
    },
  ],
  "an answer that comes late": [
    1,
    (random) => ({
      target: [
        { do: "take", bytes: 100 },
        { do: "wait", ms: random.between(2000, 9000) },
        { do: "send", bytes: 5000 },
      ],
      client: [{ do: "send", bytes: 100 }, { do: "take", bytes: 5000 }, ...leaving(random)],
      whole: true,
    }),
  ],
  "says nothing for long, then speaks": [
    1,
    (random) => ({
      target: [
        { do: "answer", bytes: 1000 },
        { do: "wait", ms: 1 },
        { do: "answer", bytes: 1000 },
      ],
      client: [
        { do: "talk", messages: 1, bytes: 1000, pipelined: false },
        { do: "wait", ms: random.between(3000, 14_000) },
        { do: "talk", messages: 1, bytes: 1000, pipelined: false },
        ...leaving(random),
      ],
      whole: true,
    }),
  ],
  "the target speaks first": [
    2,
    (random) => ({
      port: "banner",
      target: [{ do: "answer", bytes: 500 }],
      client: [{ do: "talk", messages: 5, bytes: 100, pipelined: random.chance(0.5) }, ...leaving(random)],
      whole: true,
    }),
  ],
  "the target resets": [
    2,
    (random, { mostBytes, resets }) => {
      const [up, down] = [random.size(20_000), random.chance(0.5) ? 0 : random.size(mostBytes)];
      return {
        target: [
          { do: "take", bytes: up },
          { do: "send", bytes: down },
          { do: "wait", ms: random.between(0, 500) },
          { do: "reset" },
        ],
        client: [{ do: "send", bytes: up }, { do: resets ? "takeReset" : "takeAnyEnd" }],
      };
    },
  ],
  "the target closes in the middle of an upload": [
    2,
    (random, { mostBytes }) => ({
      target: [
        { do: "take", bytes: random.size(mostBytes) },
        { do: "send", bytes: random.between(0, 100) },
        { do: random.of("close", "reset") },
      ],
      client: [{ do: "flood" }],
    }),
  ],
  "the target closes at once": [
    1,
    () => ({ target: [{ do: "close" }], client: [{ do: "takeAnyEnd" }, { do: "end" }] }),
  ],
  refused: [
    1,
    (_random, { refuses }) => ({
      port: "refused",
      target: [],
      client: [{ do: refuses ? "takeReset" : "takeAnyEnd" }],
    }),
  ],
  "resets in the middle of a download": [
    2,
    (random, { mostBytes }) => ({
      target: [{ do: "send", bytes: mostBytes * 2 }],
      client: [{ do: "take", bytes: random.size(mostBytes) }, { do: random.of("reset", "close") }],
    }),
  ],
  "resets in the middle of an upload": [
    2,
    (random, { mostBytes }) => ({
      target: random.chance(0.5) ? [{ do: "wait", ms: 5000 }] : [{ do: "take", bytes: mostBytes * 2 }],
      client: [{ do: "send", bytes: random.size(mostBytes) }, { do: random.of("reset", "close") }],
    }),
  ],
  "leaves before the answer": [
    2,
    (random) => ({
      target: [{ do: "take", bytes: 10 }, { do: "wait", ms: 1500 }, { do: "send", bytes: 50_000 }, { do: "end" }],
      client: [
        { do: "send", bytes: 10 },
        { do: "wait", ms: random.between(0, 1400) },
        { do: random.of("reset", "close") },
      ],
    }),
  ],
  "stops reading for good": [
    1,
    (random, { mostBytes }) => ({
      target: [{ do: "send", bytes: mostBytes * 8 }],
      client: [{ do: "stall", ms: random.between(1000, 5000) }, { do: random.of("reset", "close") }],
    }),
  ],
};

/** Those that leave without having said what they want. */
const silent: readonly ClientStep["do"][] = ["reset", "close"];

const total = Object.values(makers).reduce((sum, [weight]) => sum + weight, 0);

/** A random one. */
export function randomScenario(random: Random, limits: WayLimits, only?: string): Scenario {
  let at = random.unit() * (total + 1);
  let kind = "connects and says nothing";
  for (const [name, [weight]] of Object.entries(makers)) {
    at -= weight;
    if (at < 0) {
      kind = name;
      break;
    }
  }
  kind = only ?? kind;
  const make = makers[kind]?.[1];
  if (make === undefined) {
    const last = random.of(...(silent as ["reset", "close"]));
    return {
      kind,
      port: "main",
      target: [],
      client: [{ do: "wait", ms: random.between(0, 2000) }, { do: last }],
      whole: false,
    };
  }
  return { kind, port: "main", whole: false, ...make(random, limits) };
}
