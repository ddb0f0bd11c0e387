import { createHash, randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isDirect, type DirectStream } from "#adapters/net/direct-stream.ts";
import type { ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { startChoppyRelay } from "../support/choppy-relay.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSshd, startSshd } from "../support/sshd.ts";
import { startEcho, type Target } from "./forward-driver-targets.ts";

const channels = 5;
const bytesEach = 4 * 1024 * 1024 + 12_345;

/** Every cipher that ssh2 agrees upon by default, those without a tag with MACs of both kinds and lengths. */
const suites: readonly (readonly [cipher: string, mac: string | undefined])[] = [
  ["aes128-gcm@openssh.com", undefined],
  ["aes256-gcm@openssh.com", undefined],
  ["chacha20-poly1305@openssh.com", undefined],
  ["aes128-ctr", "hmac-sha2-256"],
  ["aes192-ctr", "hmac-sha2-512"],
  ["aes256-ctr", "hmac-sha2-256-etm@openssh.com"],
  ["aes128-ctr", "hmac-sha2-512-etm@openssh.com"],
];

/** Bulk over one connection of each cipher, byte for byte. The driver is imported by the caller: by then its crypto is chosen. */
export function describeCiphers(crypto: "native" | "javascript", makeDriver: () => Promise<ForwardDriver>): void {
  describe.skipIf(!hasSshd)(`ssh2 with ${crypto} crypto (skipped where /usr/sbin/sshd is not installed)`, () => {
    let echo: Target;
    let home: SshHome;
    let driver: ForwardDriver;
    const scope: AsyncDisposable[] = [];
    beforeAll(async () => {
      echo = await startEcho();
    });
    afterAll(() => echo[Symbol.asyncDispose]());
    beforeEach(async () => {
      home = await sshHome();
      driver = await makeDriver();
    });
    afterEach(async () => {
      await driver.close();
      for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    });

    async function connected(settings: readonly string[], choppy: boolean): Promise<Transport> {
      const server = await startSshd(settings);
      scope.push(server);
      let { port } = server;
      if (choppy) {
        const relay = await startChoppyRelay(port);
        scope.push(relay);
        port = relay.port;
      }
      await home.write("known_hosts", server.knownHosts.replace(`:${server.port} `, `:${port} `));
      const service = sshService(
        { host: "127.0.0.1", port, user: server.user, key_file: server.keyFile, remote_host: "127.0.0.1" },
        echo.port,
      );
      return driver.open(service, { signal: new AbortController().signal, access: home.access });
    }

    describe.each(suites)("%s %s", { timeout: 60_000 }, (cipher, mac) => {
      const settings = [`Ciphers ${cipher}`, ...(mac === undefined ? [] : [`MACs ${mac}`])];

      test.each([
        ["as the server sends it", false, []],
        ["in pieces of any size, keys changed on the way", true, ["RekeyLimit 3M"]],
      ] as const)("[ssh-reused-reads] 20 MB each way %s arrive unchanged", async (_, choppy, more) => {
        const transport = await connected([...settings, ...more], choppy);
        expect(transport.facts()).toMatchObject({ cipher, crypto, ...(mac !== undefined && { mac }) });
        const all = Array.from({ length: channels }, async (__, index) =>
          roundTrip(await transport.connect({ signal: new AbortController().signal }), index % 3),
        );
        for (const { sent, got, changed } of await Promise.all(all)) {
          expect(changed).toBe(0);
          expect(got).toBe(sent);
        }
      });
    });
  });
}

/** @param reader 0: an ordinary stream, 1: lent bytes, kept now and then, 2: the same, and slower */
async function roundTrip(stream: TunnelStream, reader: number) {
  const received = createHash("sha256");
  const ended = once(stream, "end");
  let kept: { readonly changed: number } | undefined;
  if (reader > 0 && isDirect(stream)) kept = keepSome(stream, received, reader === 2 ? 15 : 0);
  else stream.on("data", (bytes: Buffer) => received.update(bytes));
  const sent = createHash("sha256");
  for (let left = bytesEach; left > 0;) {
    const bytes = randomBytes(Math.min(left, randomInt(1, 150_000)));
    left -= bytes.length;
    sent.update(bytes);
    if (!stream.write(bytes)) await once(stream, "drain");
  }
  stream.end();
  await ended;
  return { sent: sent.digest("hex"), got: received.digest("hex"), changed: kept?.changed ?? 0 };
}

/** Keeps some of what it is lent for a while, and only then looks at it. */
function keepSome(stream: DirectStream, received: ReturnType<typeof createHash>, slownessMs: number) {
  const counts = { changed: 0 };
  const source = stream.source();
  source.receive((bytes) => {
    if (randomInt(4) > 0) {
      received.update(bytes);
      return true;
    }
    const then = Buffer.from(bytes);
    const look = (): void => {
      if (!bytes.equals(then)) counts.changed++;
      received.update(bytes);
      source.resume();
    };
    if (randomInt(2) === 0) setImmediate(look);
    else setTimeout(look, randomInt(1, slownessMs + 2));
    return false;
  }, true);
  source.resume();
  return counts;
}
