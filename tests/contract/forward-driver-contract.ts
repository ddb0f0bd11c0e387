import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Access } from "#application/ports/access.ts";
import type { ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import {
  closedPort,
  closing,
  payload,
  readAll,
  sha256,
  startEcho,
  startTarget,
  writeUntilStalled,
} from "./forward-driver-targets.ts";

/** One driver with a way to real targets on 127.0.0.1 of the test process, as the far end of the tunnel sees them. */
export interface ForwardDriverFixture extends AsyncDisposable {
  readonly driver: ForwardDriver;
  readonly access: Access;
  /** A service whose target is 127.0.0.1:port as seen beyond the tunnel. */
  serviceFor(targetPort: number): ServiceSpec;
  /** Cuts the transport under the driver, as a killed server would. */
  cut(): Promise<void>;
  /** What `connect` rejects with when nothing listens on the target's port. */
  readonly closedPortCode: "target_unreachable" | "target_port_closed";
  /** Set when our end of input cannot be passed on before the connection ends (the reason, for the title). */
  readonly noHalfClose?: string;
  /** Set when the far end cannot pass on that the target ended first while it still reads (the reason, for the title). */
  readonly noTargetFirstHalfClose?: string;
}

const MiB = 1024 * 1024;
/** More than any kernel and window on the way may hold; a driver that buffers without bound takes all of it. */
const stallLimit = 64 * MiB;
/** What may be on its way in a stalled connection: kernel buffers of two loopback hops, two windows, our own. */
const boundedBytes = 32 * MiB;

const never = (): AbortSignal => new AbortController().signal;

async function rejection(promise: Promise<unknown>): Promise<ConnectivityError> {
  const thrown = await promise.then(
    () => expect.unreachable("it should have been rejected"),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ConnectivityError);
  return thrown as ConnectivityError;
}

const isOpen = async (stream: TunnelStream): Promise<boolean> => {
  const echoed = once(stream, "data");
  stream.write("still there?");
  return String((await echoed)[0]) === "still there?";
};

/** What every forward driver guarantees, with real sockets. `make` is called for each test. */
export function forwardDriverContract(name: string, make: () => Promise<ForwardDriverFixture>): void {
  describe(`[forward-contract] forward driver: ${name}`, () => {
    let fixture: ForwardDriverFixture;
    const scope: AsyncDisposable[] = [];

    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(async () => {
      for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
      await fixture.driver.close();
      await fixture[Symbol.asyncDispose]();
    });

    async function openTo(targetPort: number): Promise<Transport> {
      const service = fixture.serviceFor(targetPort);
      const transport = await fixture.driver.open(service, { signal: never(), access: fixture.access });
      scope.push({
        [Symbol.asyncDispose]: () => {
          transport.destroy();
          return transport.closed.then(() => {});
        },
      });
      return transport;
    }

    async function toTarget(onSocket?: Parameters<typeof startTarget>[0]) {
      const target = onSocket ? await startTarget(onSocket) : await startTarget();
      scope.push(target);
      const transport = await openTo(target.port);
      const stream = await transport.connect({ signal: never() });
      stream.on("error", () => {});
      return { target, transport, stream, socket: await target.next() };
    }

    async function toEcho() {
      const echo = await startEcho();
      scope.push(echo);
      return { echo, transport: await openTo(echo.port) };
    }

    test("says what it is and which way it goes", async () => {
      const { transport } = await toEcho();
      expect(transport.via).toMatch(/\S/);
      expect(JSON.stringify(transport.facts())).toMatch(/^\{/);
      expect(fixture.serviceFor(1).technology).toBe(fixture.driver.technology);
    });

    test("carries several megabytes both ways at once, unchanged", async () => {
      const { transport } = await toEcho();
      const stream = await transport.connect({ signal: never() });
      const sent = payload(6 * MiB);
      const received = readAll(stream);
      stream.end(sent);
      expect(sha256(await received)).toBe(sha256(sent));
    });

    test("carries 32 connections at once over one transport", async () => {
      const { transport } = await toEcho();
      const run = async (): Promise<boolean> => {
        const stream = await transport.connect({ signal: never() });
        const sent = payload(256 * 1024);
        const received = readAll(stream);
        stream.end(sent);
        return sha256(await received) === sha256(sent);
      };
      expect(await Promise.all(Array.from({ length: 32 }, run))).toEqual(Array.from({ length: 32 }, () => true));
    });

    test("a target that does not read holds the writer back, and loses nothing", async () => {
      const { stream, socket } = await toTarget();
      const { written, refused } = await writeUntilStalled(stream, stallLimit);
      expect(refused).toBe(true);
      expect(written.length).toBeLessThan(boundedBytes);
      const received = readAll(socket);
      stream.end();
      expect(sha256(await received)).toBe(sha256(written));
    });

    test("a client that does not read holds the target back, and loses nothing", async () => {
      const { stream, socket } = await toTarget();
      const { written, refused } = await writeUntilStalled(socket, stallLimit);
      expect(refused).toBe(true);
      expect(written.length).toBeLessThan(boundedBytes);
      const received = readAll(stream);
      socket.end();
      expect(sha256(await received)).toBe(sha256(written));
    });

    test("half-close: the whole answer comes after the request has ended", async (context) => {
      if (fixture.noHalfClose !== undefined) context.skip(fixture.noHalfClose);
      const answer = payload(MiB);
      const requests: Promise<Buffer>[] = [];
      const { stream } = await toTarget((socket) => {
        const request = readAll(socket);
        requests.push(request);
        void request.then(() => socket.end(answer));
      });
      const received = readAll(stream);
      stream.end("request");
      expect(sha256(await received)).toBe(sha256(answer));
      expect(String(await requests[0])).toBe("request");
    });

    test("half-close: the target ends first and still gets everything", async (context) => {
      if (fixture.noTargetFirstHalfClose !== undefined) context.skip(fixture.noTargetFirstHalfClose);
      const { stream, socket } = await toTarget();
      const toSocket = readAll(socket);
      const fromSocket = readAll(stream);
      socket.end("goodbye");
      expect(String(await fromSocket)).toBe("goodbye");
      const rest = payload(MiB);
      stream.end(rest);
      expect(sha256(await toSocket)).toBe(sha256(rest));
    });

    test("both ends done: the stream closes without an error", async () => {
      const { stream, socket } = await toTarget();
      const closed = closing(stream);
      stream.resume();
      socket.resume();
      stream.end();
      socket.end();
      expect(await closed).toBeUndefined();
    });

    test("a reset by the target ends the stream", async () => {
      const { stream, socket } = await toTarget();
      const closed = closing(stream);
      const ended = once(stream, "end", { signal: AbortSignal.timeout(20_000) }).then(
        () => "ended",
        () => "not ended",
      );
      stream.resume();
      stream.write("hello");
      await once(socket, "readable");
      socket.resetAndDestroy();
      // Some far ends can only say "the target sent no more", and notice the reset at the next write.
      const outcome = await Promise.race([closed, ended]);
      if (outcome === "ended") {
        stream.write("anybody?");
        stream.end();
      }
      const failure = await closed;
      expect(failure === undefined || failure instanceof ConnectivityError).toBe(true);
    });

    test("a local destroy reaches the target", async () => {
      const { stream, socket } = await toTarget();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => undefined);
      socket.resume();
      stream.destroy();
      await vi.waitFor(
        () => {
          socket.write(payload(1024));
          expect(socket.destroyed || socket.readableEnded).toBe(true);
        },
        { timeout: 10_000, interval: 50 },
      );
      socket.destroy();
      await closed;
    });

    test("a closed target port is told apart, and the transport lives on", async () => {
      const transport = await openTo(await closedPort());
      const failures = [
        await rejection(transport.connect({ signal: never() })),
        await rejection(transport.connect({ signal: never() })),
      ];
      expect(failures.map((failure) => failure.code)).toEqual([fixture.closedPortCode, fixture.closedPortCode]);
    });

    test("a cut transport: streams fail, closed says why, later connections are refused", async () => {
      const { transport, stream } = await toTarget();
      const closed = closing(stream);
      await fixture.cut();
      const failure = await closed;
      expect(failure).toBeInstanceOf(ConnectivityError);
      expect((failure as ConnectivityError).code).toBe("connection_lost");
      expect((await transport.closed)?.code).toBe("connection_lost");
      expect((await rejection(transport.connect({ signal: never() }))).code).toBe("connection_lost");
    });

    test("open() ends with the signal's reason, and the next one works", async () => {
      const { echo } = await toEcho();
      const service = fixture.serviceFor(echo.port);
      const reason = new ConnectivityError("cancelled", "the test gave up");
      const aborted = AbortSignal.abort(reason);
      expect(await rejection(fixture.driver.open(service, { signal: aborted, access: fixture.access }))).toBe(reason);
      const controller = new AbortController();
      const opening = fixture.driver.open(service, { signal: controller.signal, access: fixture.access });
      controller.abort(reason);
      expect(await rejection(opening)).toBe(reason);
      const transport = await openTo(echo.port);
      expect(await isOpen(await transport.connect({ signal: never() }))).toBe(true);
    });

    test("connect() ends with the signal's reason, and leaves nothing open at the target", async () => {
      const { echo, transport } = await toEcho();
      const reason = new ConnectivityError("cancelled", "the test gave up");
      expect(await rejection(transport.connect({ signal: AbortSignal.abort(reason) }))).toBe(reason);
      const controller = new AbortController();
      const connecting = transport.connect({ signal: controller.signal });
      controller.abort(reason);
      expect(await rejection(connecting)).toBe(reason);
      const stream = await transport.connect({ signal: never() });
      expect(await isOpen(stream)).toBe(true);
      await vi.waitFor(() => expect(echo.open.size).toBe(1), { timeout: 10_000 });
    });

    test("a signal that fires after connect() has nothing to end", async () => {
      const { transport } = await toEcho();
      const controller = new AbortController();
      const stream = await transport.connect({ signal: controller.signal });
      controller.abort();
      expect(await isOpen(stream)).toBe(true);
    });

    test("close() lets open connections finish and takes no new ones", async () => {
      const { transport } = await toEcho();
      const stream = await transport.connect({ signal: never() });
      const closing = Promise.all([transport.close(20_000), transport.close(20_000)]);
      expect((await rejection(transport.connect({ signal: never() }))).code).toBe("connection_lost");
      expect(await isOpen(stream)).toBe(true);
      const rest = readAll(stream);
      stream.end("last words");
      expect(String(await rest)).toBe("last words");
      await closing;
      expect(await transport.closed).toBeUndefined();
      await transport.close(20_000);
    });

    test("close() cuts at its deadline", async () => {
      const { transport, stream } = await toTarget();
      const closed = closing(stream);
      await transport.close(100);
      await closed;
      expect(await transport.closed).toBeUndefined();
    });

    test("destroy() cuts at once, twice is once, and other services live on", async () => {
      const { transport: other } = await toEcho();
      const { transport, stream, target } = await toTarget((socket) => socket.resume());
      const closed = closing(stream);
      transport.destroy();
      transport.destroy();
      await closed;
      expect(await transport.closed).toBeUndefined();
      expect((await rejection(transport.connect({ signal: never() }))).code).toBe("connection_lost");
      await vi.waitFor(() => expect([...target.open].every((socket) => socket.readableEnded)).toBe(true), {
        timeout: 10_000,
      });
      expect(await isOpen(await other.connect({ signal: never() }))).toBe(true);
    });
  });
}
