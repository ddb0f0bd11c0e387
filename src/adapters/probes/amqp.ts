import type { Probe } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { AmqpFrames, longString, method, shortString, uint16, type Method } from "./amqp-frames.ts";
import { beginLogin } from "./begin-login.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";

const guest = { user: "guest", password: "guest" };
const accessRefused = 403;
const notAllowed = 530;

/**
 * AMQP 0-9-1 (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, 2.2): start, tune and open of a connection to the
 * virtual host. Without a password it logs in as `guest`, and a refusal of that proves that a broker is there.
 */
export const amqpProbe: Probe<"amqp"> = {
  run: ({ config }, path, context) =>
    runExchange(path, context.signal, "protocol_mismatch", async (exchange) => {
      const { password, conversation, certificate: facts } = await beginLogin(config, path, context, exchange);
      const { phases } = exchange;
      const frames = new AmqpFrames(conversation);
      frames.begin();
      expect(await frames.read(), method.start, 2);
      frames.write(method.startOk, startOk(config.user ?? guest.user, password ?? guest.password));
      let limits: Buffer;
      try {
        // Channels and the size of a frame: the broker's own limits will do. No heartbeats.
        limits = expect(await frames.read(), method.tune, 8).subarray(0, 6);
      } catch (thrown) {
        const refused = thrown instanceof ConnectivityError && thrown.code === "application_auth_failed";
        if (!refused || password !== undefined) throw thrown;
        return { by: "amqp start", facts };
      }
      phases.mark("auth");
      frames.write(method.tuneOk, Buffer.concat([limits, uint16(0)]));
      frames.write(method.open, Buffer.concat([shortString(config.vhost), shortString(""), Buffer.from([0])]));
      expect(await frames.read(), method.openOk, 0);
      frames.write(method.close, Buffer.concat([uint16(200), shortString(""), uint16(0), uint16(0)]));
      // Without it the broker logs that the client went away.
      expect(await frames.read(), method.closeOk, 0);
      return { by: "amqp open", facts };
    }),
};

/** Asks for a refusal in words: without this capability a broker closes the connection when a login fails. */
function startOk(user: string, password: string): Buffer {
  const capabilities = Buffer.concat([shortString("authentication_failure_close"), Buffer.from("t\u0001", "latin1")]);
  const table = Buffer.concat([shortString("capabilities"), Buffer.from("F"), longString(capabilities)]);
  const response = longString(Buffer.from(`\0${user}\0${password}`));
  return Buffer.concat([longString(table), shortString("PLAIN"), response, shortString("en_US")]);
}

/** The body of the wanted method. @throws ConnectivityError what a `close` in its place means */
function expect(answer: Method, wanted: number, leastBytes: number): Buffer {
  if (answer.id === wanted && answer.body.length >= leastBytes) return answer.body;
  if (answer.id !== method.close || answer.body.length < 3) throw notThisProtocol("amqp", answer.body);
  const reply = answer.body.readUInt16BE(0);
  const said = answer.body.subarray(3, 3 + (answer.body[2] ?? 0));
  const facts = { amqp_reply: reply };
  if (reply === accessRefused)
    throw failure("application_auth_failed", "the broker refused the user or the password", facts, said);
  if (reply === notAllowed && said.includes("not found"))
    throw failure("database_missing", "the broker has no such virtual host", facts, said);
  if (reply === notAllowed)
    throw failure("application_auth_failed", "the broker does not let this user into the virtual host", facts, said);
  throw failure("application_unhealthy", "the broker answered with an error", facts, said);
}
