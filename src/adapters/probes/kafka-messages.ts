import type { Conversation } from "./conversation.ts";
import { notThisProtocol } from "./failures.ts";

const clientId = "portwright";
const longestAnswer = 1024 * 1024;

/** Requests and their versions (https://kafka.apache.org/protocol). */
export const api = {
  apiVersions: { key: 18, version: 0 },
  /** The first version that can ask for a topic without creating it (`allow_auto_topic_creation`). */
  metadata: { key: 3, version: 4 },
  saslHandshake: { key: 17, version: 1 },
  saslAuthenticate: { key: 36, version: 0 },
} as const;

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
export const string = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);

/** One request, and the body of its answer. */
export async function askKafka(
  conversation: Conversation,
  { key, version }: { readonly key: number; readonly version: number },
  correlationId: number,
  body: Buffer,
): Promise<Buffer> {
  const request = Buffer.concat([int16(key), int16(version), int32(correlationId), string(clientId), body]);
  conversation.send(Buffer.concat([int32(request.length), request]));
  const head = await conversation.read(8);
  const length = head.readInt32BE(0);
  const fits = length >= 6 && length <= longestAnswer && head.readInt32BE(4) === correlationId;
  if (!fits) throw notThisProtocol("kafka", Buffer.concat([head, conversation.held]));
  return conversation.read(length - 4);
}

/** What Metadata (response 4) says about one topic. */
export interface TopicState {
  readonly error: number;
  readonly partitions: number;
  /** Partitions that nobody leads: they can be neither written nor read. */
  readonly leaderless: number;
}

/** `undefined`: the broker says nothing about the topic. @throws ConnectivityError `protocol_mismatch` */
export function readTopic(answer: Buffer): TopicState | undefined {
  let at = 4;
  const number = (): number => answer.readInt32BE((at += 4) - 4);
  /** Of an array; none is -1. What cannot be true must not be counted through. */
  const count = (): number => {
    const said = number();
    if (said > answer.length) throw notThisProtocol("kafka", answer);
    return Math.max(0, said);
  };
  const skipString = (): void => {
    at += 2 + Math.max(0, answer.readInt16BE(at));
  };
  try {
    // Past throttle time, brokers (id, host, port, rack), cluster and controller.
    for (let left = count(); left > 0; left--) {
      at += 4;
      skipString();
      at += 4;
      skipString();
    }
    skipString();
    at += 4;
    if (count() < 1) return undefined;
    const error = answer.readInt16BE(at);
    at += 2;
    skipString();
    at += 1;
    const partitions = count();
    let leaderless = 0;
    for (let left = partitions; left > 0; left--) {
      at += 6;
      if (number() < 0) leaderless++;
      const replicas = count();
      at += 4 * replicas;
      const inSync = count();
      at += 4 * inSync;
    }
    return { error, partitions, leaderless };
  } catch {
    throw notThisProtocol("kafka", answer);
  }
}
