import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { closing, startEcho, type Target } from "../contract/forward-driver-targets.ts";
import { startBlackhole, type Blackhole } from "../support/blackhole.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

const never = (): AbortSignal => new AbortController().signal;
const silent = { code: "connection_lost", facts: { keepalive: "unanswered" } };

describe.skipIf(!hasSshd)(
  "an SSH connection that nobody tells the end of (skipped where /usr/sbin/sshd is not installed)",
  () => {
    let home: SshHome;
    let driver: ForwardDriver;
    let echo: Target;
    let server: Sshd;
    let relay: Blackhole;

    beforeEach(async () => {
      home = await sshHome();
      // Long after the test.
      driver = createSshDriver({ limits: { handshakeMs: 60_000, keepaliveMs: 60_000, keepaliveCount: 2 } });
      [echo, server] = await Promise.all([startEcho(), startSshd()]);
      relay = await startBlackhole(server.port);
      const host = server.knownHosts.replace(/^\S+ /, "");
      await home.write("known_hosts", [server.port, relay.port].map((port) => `[127.0.0.1]:${port} ${host}`).join(""));
    });
    afterEach(async () => {
      await driver.close();
      for (const resource of [relay, server, echo, home]) await resource[Symbol.asyncDispose]();
    });

    const open = async (port: number, connection: object = {}, hop?: number): Promise<Transport> => {
      const keys = { host: "127.0.0.1", user: server.user, key_file: server.keyFile, remote_host: "127.0.0.1" };
      const route =
        hop === undefined
          ? undefined
          : await driver.hop?.(sshService({ ...keys, port: hop }, server.port), { access: home.access });
      const context = { signal: never(), access: home.access, ...(route && { route }) };
      return driver.open(sshService({ ...keys, port, ...connection }, echo.port), context);
    };
    async function echoing(transport: Transport): Promise<TunnelStream> {
      const stream = await transport.connect({ signal: never() });
      await echoes(stream);
      return stream;
    }
    async function echoes(stream: TunnelStream): Promise<void> {
      stream.write("hello");
      expect(String(((await once(stream, "data")) as [Buffer])[0])).toBe("hello");
    }

    test.each(["ssh2", "openssh"])(
      "[ssh-verify] %s: it is ended within seconds after a wake, and the others live on",
      async (name) => {
        const [lost, lives] = await Promise.all([
          open(relay.port, { driver: name }),
          open(server.port, { driver: name }),
        ]);
        const [dead, alive] = await Promise.all([echoing(lost), echoing(lives)]);
        const closed = closing(dead);
        relay.cut();
        const fromMs = performance.now();
        await driver.verify?.();
        expect(await lost.closed).toMatchObject(silent);
        expect(await closed).toMatchObject({ code: "connection_lost" });
        // About 2 s where nothing else runs.
        expect(performance.now() - fromMs).toBeLessThan(6000);
        await echoes(alive);
        relay.mend();
        await echoing(await open(relay.port, { driver: name }));
      },
    );

    test("[ssh-verify] behind a hop that is gone, all of them end", async () => {
      const lost = await open(server.port, {}, relay.port);
      const closed = closing(await echoing(lost));
      relay.cut();
      await driver.verify?.();
      expect(await lost.closed).toMatchObject({ code: "connection_lost" });
      expect(await closed).toMatchObject({ code: "connection_lost" });
    });

    test("[ssh-config-limits] ServerAliveInterval: a frozen server is noticed by the file's figures", async () => {
      await home.write("config", "Host 127.0.0.1\n ServerAliveInterval 1\n ServerAliveCountMax 1\n");
      const transport = await open(server.port);
      const fromMs = performance.now();
      server.freezeSessions();
      expect(await transport.closed).toMatchObject(silent);
      expect(performance.now() - fromMs).toBeLessThan(10_000);
    });

    test("[ssh-config-limits] ConnectTimeout: a server that says nothing is given up by the file's figure", async () => {
      await home.write("config", "Host 127.0.0.1\n ConnectTimeout 1\n");
      relay.cut();
      const fromMs = performance.now();
      await expect(open(relay.port)).rejects.toMatchObject({ code: "host_unreachable" });
      expect(performance.now() - fromMs).toBeLessThan(10_000);
    });
  },
);
