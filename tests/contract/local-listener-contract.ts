import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { duplexPair, PassThrough, type Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { LocalConnection, LocalListener, LocalListeners } from "#application/ports/local-listener.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";

type Accepted = [client: Socket, connection: LocalConnection];

/** What every way to listen guarantees, with targets that are sockets and targets that are not. */
export function localListenerContract(make: () => LocalListeners): void {
  const scope = async (
    run: (open: () => Promise<Accepted>, listener: LocalListener) => Promise<void>,
  ): Promise<void> => {
    const arrived: LocalConnection[] = [];
    let wake = (): void => undefined;
    const listener = await make().listen("127.0.0.1", 0, (connection) => {
      arrived.push(connection);
      wake();
    });
    const clients: Socket[] = [];
    const open = async (): Promise<Accepted> => {
      const arrival = new Promise<void>((resolve) => (wake = resolve));
      const client = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true });
      client.on("error", () => undefined);
      clients.push(client);
      await arrival;
      return [client, arrived.pop() as LocalConnection];
    };
    try {
      await run(open, listener);
    } finally {
      await listener.close();
      for (const client of clients) client.destroy();
      for (const connection of arrived) connection.reset();
    }
  };

  describe("the port", () => {
    test("0 is a free one, and closing releases it at once, while connections live on", () =>
      scope(async (open, listener) => {
        expect(listener.port).toBeGreaterThan(0);
        const [client, connection] = await open();
        await Promise.all([listener.close(), listener.close()]);
        const again = await make().listen("127.0.0.1", listener.port, () => undefined);
        await again.close();
        const [near, far] = duplexPair();
        const outcome = connection.relay(near);
        far.end("still here");
        expect(await text(client)).toBe("still here");
        client.end();
        await far.resume().toArray();
        expect(await outcome).toMatchObject({ ended: "closed", bytesDown: 10 });
      }));

    test("taken: refused with local_port_in_use", () =>
      scope(async (_open, listener) => {
        await expect(make().listen("127.0.0.1", listener.port, () => undefined)).rejects.toMatchObject({
          code: "local_port_in_use",
          facts: { port: listener.port },
        });
      }));

    test("an address that this machine does not have: local_address_unavailable", async () => {
      await expect(make().listen("192.0.2.1", 0, () => undefined)).rejects.toMatchObject({
        code: "local_address_unavailable",
      });
    });
  });

  describe("a target that was never reached", () => {
    const unreached = (): ConnectivityError =>
      new ConnectivityError("target_port_closed", "nothing listens there", { delivered: false });

    test("[undelivered] a target that was never reached: the client is relayed again with all that it sent, and its end", () =>
      scope(async (open) => {
        const [client, connection] = await open();
        client.write("first ");
        const [dead] = duplexPair();
        const failed = connection.relay(dead);
        client.write("second ");
        await pause(50);
        dead.destroy(unreached());
        expect(await failed).toEqual({ ended: "undelivered" });
        client.end("third");
        await pause(50);
        const [dead2] = duplexPair();
        const failedAgain = connection.relay(dead2);
        await pause(20);
        dead2.destroy(unreached());
        expect((await failedAgain).ended).toBe("undelivered");
        const [near, far] = duplexPair();
        const outcome = connection.relay(near);
        expect(await text(far)).toBe("first second third");
        far.end("answer");
        expect(await text(client)).toBe("answer");
        expect((await outcome).ended).toBe("closed");
      }));

    test("[undelivered] what was answered, or is too much to keep, is reset instead", () =>
      scope(async (open) => {
        const [client, connection] = await open();
        client.on("error", () => undefined);
        const [near, far] = duplexPair();
        far.on("error", () => undefined);
        const outcome = connection.relay(near);
        far.write("answer");
        expect(String((await once(client, "data"))[0])).toBe("answer");
        near.destroy(unreached());
        expect((await outcome).ended).toBe("reset_by_target");
        const [second, large] = await open();
        second.on("error", () => undefined);
        const [near2, far2] = duplexPair();
        far2.resume();
        const outcome2 = large.relay(near2);
        second.write(Buffer.alloc(100_000));
        await pause(100);
        near2.destroy(unreached());
        expect((await outcome2).ended).toBe("reset_by_target");
      }));
  });

  for (const kind of ["stream", "socket"] as const) {
    describe(`relayed to a ${kind}`, () => {
      /** A stream to a target, and the target's own end of it. */
      const target = async (): Promise<[near: Duplex, far: Duplex]> =>
        kind === "stream" ? duplexPair() : socketPair();

      test("nothing is read before, and every byte arrives in order", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          client.write("hello ");
          const [near, far] = await target();
          await pause(30);
          const outcome = connection.relay(near);
          client.end("target");
          expect(await text(far)).toBe("hello target");
          far.end("bye");
          expect(await text(client)).toBe("bye");
          expect(await outcome).toMatchObject({ bytesUp: 12, bytesDown: 3, ended: "closed" });
        }));

      test("what came while it was watched is delivered first, its end too", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          connection.onGone(() => expect.unreachable());
          client.end("early");
          await pause(80);
          const [near, far] = await target();
          const outcome = connection.relay(near);
          expect(await text(far)).toBe("early");
          far.end("answer");
          expect(await text(client)).toBe("answer");
          expect((await outcome).ended).toBe("closed");
        }));

      test("the target may end first, and the client go on", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          const [near, far] = await target();
          const outcome = connection.relay(near);
          far.end("banner");
          expect(await text(client)).toBe("banner");
          client.end("afterwards");
          expect(await text(far)).toBe("afterwards");
          expect(await outcome).toMatchObject({ bytesUp: 10, bytesDown: 6, ended: "closed" });
        }));

      test("bulk both ways at once comes through unchanged", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          const [near, far] = await target();
          const outcome = connection.relay(near);
          const up = pattern(3_000_000, 7);
          const down = pattern(3_000_000, 11);
          client.end(up);
          far.end(down);
          const [atTarget, atClient] = await Promise.all([collect(far), collect(client)]);
          expect(atTarget.equals(up)).toBe(true);
          expect(atClient.equals(down)).toBe(true);
          expect(await outcome).toMatchObject({ bytesUp: up.length, bytesDown: down.length, ended: "closed" });
        }));

      test("a client that resets resets the target", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          const [near, far] = await target();
          const outcome = connection.relay(near);
          client.write("x");
          await once(far, "data");
          const closed = Promise.all([once(near, "close"), ...(kind === "socket" ? [once(far, "error")] : [])]);
          client.resetAndDestroy();
          expect((await outcome).ended).toBe("reset_by_client");
          await closed;
        }));

      test("a target that resets resets the client, and the answer never looks complete", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          const [near, far] = await target();
          const outcome = connection.relay(near);
          client.resume();
          far.write("half an ans");
          await once(client, "data");
          const failed = once(client, "error");
          if (kind === "socket") (far as Socket).resetAndDestroy();
          else near.destroy(new ConnectivityError("target_port_closed", "refused"));
          expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
          expect((await outcome).ended).toBe("reset_by_target");
        }));

      test("a transport that is lost resets the client", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          const [near, far] = await target();
          far.on("error", () => undefined);
          const outcome = connection.relay(near);
          client.resume();
          const failed = once(client, "error");
          near.destroy();
          expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
          expect((await outcome).ended).toBe("connection_lost");
        }));

      test("a target that does not read holds the client back", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          const [near, far] = await target();
          const outcome = connection.relay(near);
          const sent = fill(client);
          await pause(300);
          const before = sent();
          await pause(150);
          expect(sent()).toBe(before);
          expect(before).toBeLessThan(40_000_000);
          client.resetAndDestroy();
          far.on("error", () => undefined).resume();
          await outcome;
        }));

      test("a client that does not read holds the target back", () =>
        scope(async (open) => {
          const [client, connection] = await open();
          const [near, far] = await target();
          const outcome = connection.relay(near);
          const sent = fill(far);
          await pause(300);
          const before = sent();
          await pause(150);
          expect(sent()).toBe(before);
          expect(before).toBeLessThan(40_000_000);
          far.on("error", () => undefined);
          client.resetAndDestroy();
          expect((await outcome).ended).toBe("reset_by_client");
        }));
    });
  }

  describe("before it is relayed", () => {
    test("reset() is seen as a reset", () =>
      scope(async (open) => {
        const [client, connection] = await open();
        const failed = once(client, "error");
        client.resume();
        connection.reset();
        connection.reset();
        expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
      }));

    test("a client that resets is noticed, once, by each who asked", () =>
      scope(async (open) => {
        const [client, connection] = await open();
        let calls = 0;
        const gone = new Promise<void>((resolve) =>
          connection.onGone(() => {
            calls++;
            resolve();
          }),
        );
        connection.onGone(() => calls++);
        client.resetAndDestroy();
        await gone;
        await new Promise<void>((resolve) => connection.onGone(resolve));
        expect(calls).toBe(2);
      }));

    test("relayed although it went away: the target is reset", () =>
      scope(async (open) => {
        const [client, connection] = await open();
        const gone = new Promise<void>((resolve) => connection.onGone(resolve));
        client.resetAndDestroy();
        await gone;
        const [near] = duplexPair();
        expect(await connection.relay(near)).toMatchObject({ ended: "reset_by_client", bytesUp: 0 });
        expect(near.destroyed).toBe(true);
      }));

    test("a target that is lost before the relay: the client is reset", () =>
      scope(async (open) => {
        const [client, connection] = await open();
        const failed = once(client, "error");
        client.resume();
        const near = new PassThrough();
        near.destroy();
        expect((await connection.relay(near)).ended).toBe("connection_lost");
        await failed;
      }));

    test("each connection has an id of its own", () =>
      scope(async (open) => {
        const [, first] = await open();
        const [, second] = await open();
        expect(first.id).not.toBe(second.id);
        first.reset();
        second.reset();
      }));
  });
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const pattern = (length: number, step: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, index) => (index * step + (index >> 8)) & 0xff));

const collect = async (stream: Duplex): Promise<Buffer> => Buffer.concat(await stream.toArray());

/** Writes until it is held back; tells how much was taken. */
function fill(stream: Duplex): () => number {
  const chunk = Buffer.alloc(64 * 1024, 1);
  let sent = 0;
  const more = (): void => {
    while (sent < 80_000_000) {
      sent += chunk.length;
      if (!stream.write(chunk)) break;
    }
  };
  stream.on("drain", more);
  more();
  return () => sent;
}

/** A connected pair of sockets; the first one has its handle, as a driver's has. */
async function socketPair(): Promise<[near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const near = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  await once(near, "connect");
  const [far] = await accepted;
  server.close();
  return [near, far];
}
