import type { Probe } from "#application/ports/probe.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { beginLogin } from "./begin-login.ts";
import type { Conversation } from "./conversation.ts";
import { failure } from "./failures.ts";
import { api, askKafka, int32, readTopic, string } from "./kafka-messages.ts";
import { runExchange } from "./run-exchange.ts";
import { Scram } from "./scram.ts";

type Config = HealthCheckOf<"kafka">["config"];

const unknownTopic = 3;
const noTopicRight = 29;
const unknownMechanism = 33;

/**
 * ApiVersions, which every broker answers even before a login; with a password a login by SASL; with a topic, Metadata
 * for it: it is there, and each of its partitions has a leader.
 */
export const kafkaProbe: Probe<"kafka"> = {
  run: ({ config }, path, context) =>
    runExchange(path, context.signal, "protocol_mismatch", async (exchange) => {
      const { password, conversation, certificate } = await beginLogin(config, path, context, exchange);
      const { phases } = exchange;
      const answer = await askKafka(conversation, api.apiVersions, 1, Buffer.alloc(0));
      brokerError(answer.readInt16BE(0));
      if (password !== undefined) {
        await logIn(conversation, config, password);
        phases.mark("auth");
      }
      if (config.topic === undefined) {
        return { by: password === undefined ? "kafka ApiVersions" : "kafka login", facts: certificate };
      }
      const facts = { ...certificate, ...(await topicFacts(conversation, config.topic)) };
      return { by: "kafka Metadata", facts };
    }),
};

function brokerError(error: number): void {
  if (error !== 0) throw failure("application_unhealthy", "the broker answered with an error", { kafka_error: error });
}

async function topicFacts(conversation: Conversation, topic: string): Promise<{ partitions: number }> {
  const oneTopic = Buffer.concat([int32(1), string(topic), Buffer.from([0])]);
  const state = readTopic(await askKafka(conversation, api.metadata, 2, oneTopic));
  const { error, partitions, leaderless } = state ?? { error: unknownTopic, partitions: 0, leaderless: 0 };
  const facts = { kafka_error: error, topic };
  if (error === unknownTopic) throw failure("database_missing", "the broker has no such topic", facts);
  if (error === noTopicRight)
    throw failure("application_auth_failed", "the broker does not show this user the topic", facts);
  brokerError(error);
  if (leaderless > 0) {
    const counts = { topic, partitions, without_leader: leaderless };
    throw failure("application_unhealthy", "partitions of the topic have no leader", counts);
  }
  return { partitions };
}

/** SaslHandshake, then the mechanism's own messages in SaslAuthenticate. */
async function logIn(conversation: Conversation, { user = "", mechanism }: Config, password: string): Promise<void> {
  const name = mechanism.toUpperCase();
  const offered = (await askKafka(conversation, api.saslHandshake, 3, string(name))).readInt16BE(0);
  if (offered === unknownMechanism)
    throw failure("application_auth_failed", `the broker offers no login by ${name}`, { kafka_error: offered });
  brokerError(offered);
  let id = 4;
  const say = async (bytes: Buffer): Promise<Buffer> => {
    const body = Buffer.concat([int32(bytes.length), bytes]);
    return authenticated(await askKafka(conversation, api.saslAuthenticate, id++, body));
  };
  if (mechanism === "plain") {
    await say(Buffer.from(`\0${user}\0${password}`));
    return;
  }
  const scram = new Scram(password, { user, hash: mechanism === "scram-sha-256" ? "sha256" : "sha512" });
  const final = await scram.final((await say(Buffer.from(scram.first))).toString("utf8"));
  const proof = final === undefined ? "" : (await say(Buffer.from(final))).toString("utf8");
  scram.expectProof(proof, "broker");
}

/** The mechanism's bytes in an answer to SaslAuthenticate: error, message, bytes. */
function authenticated(answer: Buffer): Buffer {
  const error = answer.length < 4 ? -1 : answer.readInt16BE(0);
  const length = answer.length < 4 ? 0 : Math.max(0, answer.readInt16BE(2));
  if (error !== 0) {
    const said = answer.subarray(4, 4 + length);
    throw failure(
      "application_auth_failed",
      "the broker refused the user or the password",
      { kafka_error: error },
      said,
    );
  }
  return answer.subarray(8 + length);
}
