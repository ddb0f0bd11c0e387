import type { Access } from "#application/ports/access.ts";
import type { Probe } from "#application/ports/probe.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { passwordOf } from "./begin-login.ts";
import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { finishLogin, scramble, unknownPlugin } from "./mysql-authentication.ts";
import { capability, MysqlPackets, mysqlError, parseGreeting, type Greeting } from "./mysql-packets.ts";
import { type Exchange, type Proof, runExchange } from "./run-exchange.ts";
import { startTls } from "./start-tls.ts";

type Config = HealthCheckOf<"mysql">["config"];

const utf8mb4 = 45;
const longestAnswer = 0x00ffffff;
const command = { quit: 1, query: 3, ping: 14 } as const;

/**
 * Greeting, login, then a ping or a query (MySQL documentation, "Client/Server Protocol"). Without a password the
 * server's refusal of it proves that MySQL is there. The login is always made: MySQL counts connections that break off
 * before it, and blocks a host after a hundred of them.
 */
export const mysqlProbe: Probe<"mysql"> = {
  run: ({ config }, path, { signal, access }) =>
    runExchange(path, signal, "protocol_mismatch", async (exchange) => {
      const password = await passwordOf(config, { access, signal });
      const { phases } = exchange;
      const conversation = await exchange.converse();
      const packets = new MysqlPackets(conversation);
      const greeting = await greet(packets);
      const tls = await encrypt(conversation, packets, exchange, config, greeting, access);
      if (tls) phases.mark("tls");
      const facts = { encrypted: tls !== undefined, ...tls };
      try {
        await login(packets, config, greeting, password ?? "", tls !== undefined);
      } catch (thrown) {
        const refused = thrown instanceof ConnectivityError && thrown.code === "application_auth_failed";
        if (!refused || password !== undefined) throw thrown;
        phases.mark("auth");
        return { by: "mysql handshake", facts };
      }
      phases.mark("auth");
      return await ask(packets, config.query, facts);
    }),
};

async function greet(packets: MysqlPackets): Promise<Greeting> {
  const packet = await packets.read();
  if (packet[0] === 0xff) throw mysqlError(packet);
  const greeting = parseGreeting(packet);
  if (!greeting) throw notThisProtocol("mysql", packet);
  return greeting;
}

async function ask(packets: MysqlPackets, query: string | undefined, facts: Facts): Promise<Proof> {
  const text = query === undefined ? Buffer.from([command.ping]) : Buffer.from(`\u0003${query}`);
  packets.command(text);
  await packets.readOrThrow();
  packets.command(Buffer.from([command.quit]));
  return { by: query === undefined ? "mysql ping" : "mysql query", facts };
}

/** Facts of the certificate when it is encrypted from now on. */
async function encrypt(
  conversation: Conversation,
  packets: MysqlPackets,
  { path, signal }: Exchange,
  { sslmode, server_name: name, database }: Config,
  { capabilities }: Greeting,
  access: Access,
): Promise<Facts | undefined> {
  if (sslmode === "disable" || sslmode === "allow") return undefined;
  if ((capabilities & capability.ssl) === 0) {
    if (sslmode === "prefer") return undefined;
    throw failure("protocol_mismatch", "MySQL offers no TLS, which sslmode asks for", {
      expected: "TLS",
      setting: "sslmode",
      sslmode,
    });
  }
  packets.write(head(capability.ssl, database));
  const verify = sslmode === "verify-full" ? "full" : sslmode === "verify-ca" ? "chain" : "none";
  return startTls(conversation, { name: name ?? path.host, verify, access, signal });
}

async function login(
  packets: MysqlPackets,
  { user = "root", database }: Config,
  { nonce, plugin }: Greeting,
  password: string,
  encrypted: boolean,
): Promise<void> {
  // An answer to a plugin that is not ours makes the server ask again, with the one of the user.
  const first = scramble(plugin, password, nonce, encrypted) ?? Buffer.alloc(0);
  if (first.length > 255) throw unknownPlugin(plugin);
  packets.write(
    Buffer.concat([
      head(encrypted ? capability.ssl : 0, database),
      Buffer.from(`${user}\0`),
      Buffer.from([first.length]),
      first,
      Buffer.from(database === undefined ? "" : `${database}\0`),
      Buffer.from(`${plugin}\0`),
    ]),
  );
  await finishLogin(packets, { password, nonce, plugin, encrypted });
}

/** What the request for TLS and the login begin with. */
function head(more: number, database: string | undefined): Buffer {
  const bytes = Buffer.alloc(32);
  const { protocol41, secureConnection, pluginAuth, connectWithDb } = capability;
  bytes.writeUInt32LE(protocol41 | secureConnection | pluginAuth | more | (database === undefined ? 0 : connectWithDb));
  bytes.writeUInt32LE(longestAnswer, 4);
  bytes[8] = utf8mb4;
  return bytes;
}
