import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import type { LocalConnection, LocalListener } from "#application/ports/local-listener.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { realClock } from "../support/kubernetes-access.ts";
import { fateOf } from "../support/service-runtime.ts";

/** As a carrier gives it: nothing is read from it or written to it. */
class Carried extends Duplex {
  readonly carriedElsewhere = true;
  constructor() {
    super({ allowHalfOpen: true, autoDestroy: false, read() {} });
  }
}

describe("[ssh-handed-clients] a client whose bytes another process carries", () => {
  const listeners = createLocalListeners({ clock: realClock, portOwners: { find: () => Promise.resolve(undefined) } });
  let listener: LocalListener | undefined;
  let client: Socket | undefined;

  afterEach(async () => {
    client?.destroy();
    await listener?.close();
  });

  async function accepted(): Promise<{ client: Socket; connection: LocalConnection }> {
    const arrival = Promise.withResolvers<LocalConnection>();
    listener = await listeners.listen("127.0.0.1", 0, (connection) => arrival.resolve(connection));
    client = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true });
    client.on("error", () => {});
    return { client, connection: await arrival.promise };
  }

  test("its socket is given while nothing was read of it, and is reset once it is spoiled", async () => {
    const watched = await accepted();
    expect(watched.connection.socket?.()?.handle).toBeTypeOf("object");
    watched.connection.onGone(() => {});
    expect(watched.connection.socket?.()).toBeUndefined();
    const { client: other, connection } = await accepted();
    connection.socket?.()?.spoil();
    expect(await fateOf(other, 5000)).toBe("reset");
    expect(connection.socket?.()).toBeUndefined();
    const gone = Promise.withResolvers<void>();
    connection.onGone(gone.resolve);
    await gone.promise;
  });

  test("the target's end is passed on, and the client's own ends it", async () => {
    const { client: near, connection } = await accepted();
    const carried = new Carried();
    const outcome = connection.relay(carried);
    carried.push(null);
    carried.once("end", () => carried.destroy());
    near.resume();
    await once(near, "end");
    near.end();
    expect(await outcome).toEqual({ ended: "closed", durationMs: expect.any(Number) });
  });

  test("what it sends after the target's end is heard by nobody: it is reset", async () => {
    const { client: near, connection } = await accepted();
    const carried = new Carried();
    const outcome = connection.relay(carried);
    carried.push(null);
    near.resume();
    await once(near, "end");
    near.write("and another thing");
    expect(await outcome).toMatchObject({ ended: "reset_by_target" });
    expect(carried.destroyed).toBe(true);
  });

  test.each([
    ["connection_lost", new ConnectivityError("connection_lost", "gone")],
    ["reset_by_target", new ConnectivityError("connection_lost", "reset", { reset_by: "target" })],
    ["reset_by_client", undefined],
  ])("%s: the client is reset", async (ended, cause) => {
    const { client: near, connection } = await accepted();
    const carried = new Carried();
    const outcome = connection.relay(carried);
    carried.destroy(cause);
    expect(await outcome).toMatchObject({ ended });
    expect(await fateOf(near, 5000)).toBe("reset");
    const late = await accepted();
    expect(await late.connection.relay(carried)).toMatchObject({ ended });
  });
});
