import type { Socket } from "node:net";
import { Transform, type Readable } from "node:stream";
import type { ClientHello, ClientSession } from "#application/client.ts";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import type { Composed, McpConversation } from "./compose.ts";
import type { Log } from "./log.ts";
import { parseOpening } from "./parse-hello.ts";
import { personTalk } from "./person-talk.ts";
import { readOpeningLine } from "./read-opening-line.ts";
import { compareVersions } from "./versions.ts";
import {
  closingMethod,
  maxHelloBytes,
  receivedMethod,
  toLine,
  wireVersion,
  type ClosingReason,
  type ControlVerb,
  type DaemonStatus,
  type HelloAnswer,
  type HelloLine,
} from "./wire.ts";

/** What a connection needs of the daemon around it. */
export interface Surroundings extends Composed {
  readonly version: string;
  readonly log: Log;
  readonly helloTimeoutMs: number;
  /** Answers a control line, and acts on it after the answer is written. */
  control(verb: ControlVerb, askedBy: string): DaemonStatus;
}

/** An accepted connection, from its first byte to its end. */
export class Connection {
  readonly #socket: Socket;
  readonly #daemon: Surroundings;
  #conversation: McpConversation | undefined;
  /** Settles when the socket is closed and everything that hung on it is released. Never rejects. */
  readonly closed: Promise<void>;
  /** A client that speaks MCP, rather than a question to the daemon or a stranger. */
  isClient = false;

  constructor(socket: Socket, daemon: Surroundings) {
    this.#socket = socket;
    this.#daemon = daemon;
    // For the socket's whole life: an error without a listener would end the daemon. 'close' follows, and counts.
    socket.on("error", (error: NodeJS.ErrnoException) =>
      daemon.log.debug({ reason: error.code }, "a connection broke"),
    );
    const socketClosed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
    this.closed = this.#serve(socketClosed)
      .catch((error: unknown) => daemon.log.error({ err: error }, "a connection ended by an error of ours"))
      .then(() => {
        // What was written is sent, unless the peer does not read.
        socket.destroySoon();
        const cut = setTimeout(() => socket.destroy(), lastLineTimeoutMs);
        return socketClosed.then(() => clearTimeout(cut));
      });
  }

  /** Ends it on purpose: calls are aborted, a client is told why, so that its shim knows what to do next. */
  async end(reason: ClosingReason): Promise<void> {
    if (this.isClient) this.#socket.write(toLine({ jsonrpc: "2.0", method: closingMethod, params: { reason } }));
    await this.#conversation?.close().catch(() => {});
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #serve(socketClosed: Promise<void>): Promise<void> {
    let session: ClientSession | undefined;
    let person: HelloLine["person"];
    try {
      const limits = { maxBytes: maxHelloBytes, timeoutMs: this.#daemon.helloTimeoutMs };
      const line = await readOpeningLine(this.#socket, limits);
      if (line === undefined) return;
      const opening = parseOpening(line);
      if (opening.kind === "control") {
        this.#socket.end(toLine(this.#daemon.control(opening.verb, opening.version)));
        return;
      }
      this.isClient = true;
      ({ person } = opening.hello);
      session = await this.#daemon.application.connect(toClientHello(opening.hello));
    } catch (error) {
      const failure = toConnectivityError(error);
      this.#daemon.log.warn({ code: failure.code, cause: failure.cause }, `refused a connection: ${failure.message}`);
      this.#socket.end(toLine(this.#answer({ error: failure.toFailure(), refused: true })));
      return;
    }
    try {
      if (person) await this.#answerPerson(person, session);
      else if (!this.#socket.destroyed) await this.#talk(session, socketClosed);
    } finally {
      session[Symbol.dispose]();
    }
  }

  /** One answer for a person at a terminal; what went wrong is its error. */
  async #answerPerson(request: NonNullable<HelloLine["person"]>, session: ClientSession): Promise<void> {
    const { application, log } = this.#daemon;
    try {
      const talk = personTalk(this.#socket, (prompt) => toLine(this.#answer({ prompt })));
      this.#socket.end(toLine(this.#answer({ told: await application.person(request, session, talk) })));
    } catch (thrown) {
      const error = toConnectivityError(thrown);
      if (error.code === "internal_error")
        log.error({ err: error.cause ?? error }, "what a person asked failed inside");
      this.#socket.end(toLine(this.#answer({ error: error.toFailure() })));
    }
  }

  async #talk(session: ClientSession, socketClosed: Promise<void>): Promise<void> {
    const { serveMcp, log, version } = this.#daemon;
    const client = session.hello.version;
    const notice = compareVersions(client, version) > 0 ? olderDaemonNotice(client, version) : undefined;
    this.#socket.write(
      toLine(this.#answer({ workspace: session.workspace, error: session.error, notice, receipts: true })),
    );
    log.info({ client: session.hello.name, client_version: client }, "a client connected");
    const conversation = await serveMcp(this.#acknowledged(), this.#socket, session);
    this.#conversation = conversation;
    await Promise.race([conversation.closed, socketClosed]);
    await conversation.close();
    log.info({ client: session.hello.name }, "a client left");
  }

  /** What comes in, each piece acknowledged before it is looked at. */
  #acknowledged(): Readable {
    const socket = this.#socket;
    let bytes = 0;
    const input = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        socket.write(toLine({ jsonrpc: "2.0", method: receivedMethod, params: { bytes } }));
        done(null, chunk);
      },
    });
    socket.once("close", () => input.destroy());
    return socket.pipe(input);
  }

  #answer(facts: Omit<HelloAnswer, "portwright" | "version" | "pid">): HelloAnswer {
    return { portwright: wireVersion, version: this.#daemon.version, pid: process.pid, ...facts };
  }
}

const lastLineTimeoutMs = 1000;

/** The hello as the application knows it. */
export const toClientHello = (said: HelloLine): ClientHello => ({
  id: said.id,
  name: said.client,
  version: said.version,
  cwd: said.cwd,
  terminal: said.terminal,
  env: said.env,
  ...(said.config !== undefined && { config: said.config }),
  ...(said.timeZone !== undefined && { timeZone: said.timeZone }),
});

const olderDaemonNotice = (client: string, daemon: string): string =>
  `This client is Portwright ${client}, served by the running daemon ${daemon}: it stays because forwarded connections are open. It is replaced when none is, or by 'portwright daemon stop'.`;
