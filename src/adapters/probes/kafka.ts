import type { Probe } from "#application/ports/probe.ts";
import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";

const clientId = "portwright";
const longestAnswer = 1024 * 1024;

const apiVersions = { key: 18, version: 0 };
/** The first version that can ask for a topic without creating it (`allow_auto_topic_creation`). */
const metadata = { key: 3, version: 4 };

const unknownTopic = 3;

/** ApiVersions, which every broker answers even before a login; with a topic, Metadata for it (https://kafka.apache.org/protocol). */
export const kafkaProbe: Probe<"kafka"> = {
  run: ({ config }, path, { signal }) =>
    runExchange(path, signal, "protocol_mismatch", async ({ converse }) => {
      const conversation = await converse();
      const answer = await ask(conversation, apiVersions, 1, Buffer.alloc(0));
      const error = answer.readInt16BE(0);
      if (error !== 0)
        throw failure("application_unhealthy", "the broker answered with an error", { kafka_error: error });
      if (config.topic === undefined) return { by: "kafka ApiVersions" };
      const oneTopic = Buffer.concat([int32(1), string(config.topic), Buffer.from([0])]);
      const topicError = topicErrorOf(await ask(conversation, metadata, 2, oneTopic));
      if (topicError !== 0) {
        const message =
          topicError === unknownTopic ? "the broker has no such topic" : "the broker answered with an error";
        throw failure("application_unhealthy", message, { kafka_error: topicError });
      }
      return { by: "kafka Metadata" };
    }),
};

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const string = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);

/** One request, and the body of its answer. */
async function ask(
  conversation: Conversation,
  api: { readonly key: number; readonly version: number },
  correlationId: number,
  body: Buffer,
): Promise<Buffer> {
  const request = Buffer.concat([int16(api.key), int16(api.version), int32(correlationId), string(clientId), body]);
  conversation.send(Buffer.concat([int32(request.length), request]));
  const head = await conversation.read(8);
  const length = head.readInt32BE(0);
  const fits = length >= 6 && length <= longestAnswer && head.readInt32BE(4) === correlationId;
  if (!fits) throw notThisProtocol("kafka", Buffer.concat([head, conversation.held]));
  return conversation.read(length - 4);
}

/** The error code of the one topic, past throttle time, brokers, cluster and controller (Metadata response 4). */
function topicErrorOf(answer: Buffer): number {
  let at = 4;
  const skipString = (): void => {
    at += 2 + Math.max(0, answer.readInt16BE(at));
  };
  try {
    const brokers = answer.readInt32BE(at);
    at += 4;
    for (let index = 0; index < brokers; index++) {
      at += 4;
      skipString();
      at += 4;
      skipString();
    }
    skipString();
    at += 4;
    return answer.readInt32BE(at) === 0 ? unknownTopic : answer.readInt16BE(at + 4);
  } catch {
    throw notThisProtocol("kafka", answer);
  }
}
