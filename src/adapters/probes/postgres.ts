import type { Access } from "#application/ports/access.ts";
import type { Probe } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { passwordOf } from "./begin-login.ts";
import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { authenticate, serverError } from "./postgres-authentication.ts";
import { message, readMessage, sslRequest, startUp, text } from "./postgres-messages.ts";
import { type Exchange, type Proof, runExchange } from "./run-exchange.ts";
import { startTls } from "./start-tls.ts";

type Config = HealthCheckOf<"postgres">["config"];

/** Whether a connection asks for TLS, and whether it goes on without. */
type Encryption = "never" | "if_offered" | "always";

/** What libpq does per sslmode, in order; the next is tried when the server refuses the user over the one before. */
const attempts: Readonly<Record<Config["sslmode"], readonly Encryption[]>> = {
  disable: ["never"],
  allow: ["never", "always"],
  prefer: ["if_offered", "never"],
  require: ["always"],
  "verify-ca": ["always"],
  "verify-full": ["always"],
};

/**
 * Start-up, authentication and one query (PostgreSQL documentation, "Frontend/Backend Protocol"). Without a password it
 * is verified by the server's request for one.
 */
export const postgresProbe: Probe<"postgres"> = {
  run: ({ config }, path, { signal, access }) =>
    runExchange(path, signal, "protocol_mismatch", async (exchange) => {
      const password = await passwordOf(config, { access, signal });
      const [first, second] = attempts[config.sslmode];
      try {
        return await attempt(exchange, config, password, first ?? "never", access);
      } catch (thrown) {
        const noEntry = thrown instanceof ConnectivityError && thrown.facts.sqlstate === "28000";
        if (!noEntry || second === undefined) throw thrown;
        return await attempt(exchange, config, password, second, access).catch(() => Promise.reject(thrown));
      }
    }),
};

async function attempt(
  exchange: Exchange,
  config: Config,
  password: string | undefined,
  encryption: Encryption,
  access: Access,
): Promise<Proof> {
  const { phases } = exchange;
  const conversation = await exchange.converse();
  const encrypted = encryption !== "never" && (await encrypt(conversation, exchange, config, encryption, access));
  if (encrypted) phases.mark("tls");
  conversation.send(startUp(config.user, config.database));
  const facts = { encrypted };
  const entry = await authenticate(conversation, config.user, password);
  phases.mark("auth");
  if (entry === "unproven") return { by: "postgres start-up", facts };
  await until(conversation, "Z");
  conversation.send(message("Q", text(config.query)));
  await until(conversation, "DCI");
  conversation.send(message("X"));
  return { by: "postgres query", facts };
}

async function encrypt(
  conversation: Conversation,
  { path, signal }: Exchange,
  { sslmode }: Config,
  encryption: Encryption,
  access: Access,
): Promise<boolean> {
  conversation.send(sslRequest);
  const answer = (await conversation.first()).toString("latin1", 0, 1);
  if (answer === "S") {
    await conversation.read(1);
    const verify = sslmode === "verify-full" ? "full" : sslmode === "verify-ca" ? "chain" : "none";
    await startTls(conversation, { name: path.host, verify, access, signal });
    return true;
  }
  if (answer === "E") throw serverError((await readMessage(conversation)).body);
  if (answer !== "N" || conversation.held.length > 1) throw notThisProtocol("postgres", conversation.held);
  if (encryption === "always")
    throw failure("protocol_mismatch", "PostgreSQL offers no TLS, which sslmode asks for", {
      expected: "TLS",
      setting: "sslmode",
      sslmode,
    });
  await conversation.read(1);
  return false;
}

/** Reads on to a message of one of these types. */
async function until(conversation: Conversation, types: string): Promise<void> {
  for (;;) {
    const { type, body } = await readMessage(conversation);
    if (type === "E") throw serverError(body);
    if (types.includes(type)) return;
  }
}
