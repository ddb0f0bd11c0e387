import net from "node:net";
import { WireReader } from "./keys/wire.ts";

const requestIdentities = 11;
const identitiesAnswer = 12;
/** An agent holds a few keys of at most some kilobytes. */
const largestAnswer = 256 * 1024;
const answerMs = 3000;

/** A key that an agent holds. The comment is text from outside. */
export interface AgentIdentity {
  readonly type: string;
  readonly blob: Buffer;
  readonly comment: string;
}

/**
 * What an agent holds, certificates and hardware keys among it (draft-miller-ssh-agent, 4.4); `undefined` when nothing
 * answers at the socket.
 */
export async function listAgentIdentities(socketPath: string): Promise<readonly AgentIdentity[] | undefined> {
  const answer = await ask(socketPath).catch(() => undefined);
  if (answer?.[0] !== identitiesAnswer) return undefined;
  const reader = new WireReader(answer.subarray(1));
  const count = reader.uint32() ?? 0;
  const found: AgentIdentity[] = [];
  for (let index = 0; index < count; index++) {
    const blob = reader.string();
    const comment = reader.string();
    if (!blob || !comment) break;
    found.push({
      type: new WireReader(blob).string()?.toString("latin1") ?? "",
      blob,
      comment: comment.toString("utf8"),
    });
  }
  return found;
}

/** One request, one answer, without its length. */
function ask(socketPath: string): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = net.connect(socketPath);
  let received = Buffer.alloc(0);
  socket.setTimeout(answerMs, () => socket.destroy());
  socket.on("error", () => resolve(undefined));
  socket.on("close", () => resolve(undefined));
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const length = received.length < 4 ? undefined : received.readUInt32BE(0);
    if (length !== undefined && (length > largestAnswer || received.length >= 4 + length)) {
      resolve(length > largestAnswer ? undefined : received.subarray(4, 4 + length));
      socket.destroy();
    }
  });
  socket.write(Buffer.from([0, 0, 0, 1, requestIdentities]));
  return promise;
}
