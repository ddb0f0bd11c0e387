import { once } from "node:events";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import ssh2, { type ClientChannel } from "ssh2";
import { afterEach, describe, expect, test } from "vitest";
import { startBastion, type Bastion } from "../../src/cli/demo/bastion.ts";
import { makeDemoFolder, serviceAt } from "../../src/cli/demo/demo-folder.ts";
import { freshKey } from "../../src/cli/demo/fresh-key.ts";
import { httpGet } from "../../src/cli/demo/http-get.ts";
import { Narrator } from "../../src/cli/demo/narrator.ts";
import { askCache } from "../../src/cli/demo/resp-cache.ts";
import { startShop, type Shop } from "../../src/cli/demo/shop.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each.close();
});

const shop = async (): Promise<Shop> => {
  const started = await startShop();
  opened.push(started);
  return started;
};

const bastionOf = async ({ ports }: Shop): Promise<Bastion> => {
  const started = await startBastion((host, port) => {
    const service = serviceAt(host, port);
    return service && ports[service];
  });
  opened.push(started);
  return started;
};

/** Logs in to the bastion; rejects when it refuses. */
const login = async (bastion: Bastion, username: string, privateKey: string): Promise<ssh2.Client> => {
  const client = new ssh2.Client();
  // The bastion goes away while clients are there: what they say then is not asked for.
  client.on("error", () => undefined);
  opened.push({ close: async () => void client.end() });
  const ready = once(client, "ready");
  client.connect({ host: "127.0.0.1", port: bastion.port, username, privateKey, hostVerifier: () => true });
  await ready;
  return client;
};

const channelTo = (client: ssh2.Client, host: string, port: number): Promise<ClientChannel> =>
  new Promise((resolve, reject) => {
    client.forwardOut("127.0.0.1", 1, host, port, (error, channel) => (error ? reject(error) : resolve(channel)));
  });

describe("the demo's shop", () => {
  test("a page comes from web over the API, which counts in the cache", async () => {
    const { ports } = await shop();
    expect(await httpGet(`http://127.0.0.1:${ports.web}/`)).toMatchObject({
      status: 200,
      body: '<h1>Shop</h1> {"order":1}',
    });
    expect((await httpGet(`http://127.0.0.1:${ports.web}/`)).body).toContain('{"order":2}');
    expect(await askCache(ports.cache, "GET", "orders")).toBe("2");
  });
  test("a broken API is 500 there and 502 at web, and heals", async () => {
    const own = await shop();
    const { ports } = own;
    const statuses = async (): Promise<number[]> =>
      Promise.all(
        [ports.web, ports.api].map(async (port) => (await httpGet(`http://127.0.0.1:${port}/health`)).status),
      );
    expect(await statuses()).toEqual([200, 200]);
    own.breakApi();
    expect(await statuses()).toEqual([502, 500]);
    own.healApi();
    expect(await statuses()).toEqual([200, 200]);
  });
  test("the cache answers PING, SET and GET, commands in pieces and several in one write", async () => {
    const { ports } = await shop();
    expect(await askCache(ports.cache, "PING")).toBe("+PONG");
    expect(await askCache(ports.cache, "GET", "nothing")).toBe("$-1");
    expect(await askCache(ports.cache, "SET", "name", "Käse\r\n")).toBe("+OK");
    expect(await askCache(ports.cache, "FLUSHALL")).toMatch(/^-ERR/);
    const socket = connect(ports.cache, "127.0.0.1");
    let replies = "";
    socket.on("data", (chunk: Buffer) => (replies += chunk.toString()));
    for (const piece of ["*1\r", "\n$4\r\nPI", "NG\r\n*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$4\r\nname\r\n"]) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await expect.poll(() => replies).toBe("+PONG\r\n+PONG\r\n$7\r\nKäse\r\n\r\n");
    socket.destroy();
  });
});

describe("the demo's bastion", () => {
  test("lets its one user in with its one key, and nobody else", async () => {
    const bastion = await bastionOf(await shop());
    await login(bastion, bastion.user, bastion.clientKey);
    const stranger = freshKey().private;
    await expect(login(bastion, bastion.user, stranger)).rejects.toThrow("authentication methods failed");
    await expect(login(bastion, "root", bastion.clientKey)).rejects.toThrow("authentication methods failed");
  });
  test("forwards to the shop's services by their names behind it, and nowhere else", async () => {
    const own = await shop();
    const bastion = await bastionOf(own);
    const client = await login(bastion, bastion.user, bastion.clientKey);
    const channel = await channelTo(client, "cache.shop.internal", 6379);
    channel.write("*1\r\n$4\r\nPING\r\n");
    const [reply] = (await once(channel, "data")) as [Buffer];
    expect(reply.toString()).toBe("+PONG\r\n");
    for (const [host, port] of [
      ["cache.shop.internal", 6380],
      ["127.0.0.1", own.ports.cache],
      ["web.shop.internal", 6379],
    ] as const) {
      await expect(channelTo(client, host, port)).rejects.toThrow("Channel open failure");
    }
  });
  test("has a fresh host key, told as a line of known_hosts", async () => {
    const own = await shop();
    const [one, two] = [await bastionOf(own), await bastionOf(own)];
    expect(one.knownHostsLine).toMatch(/^\[127\.0\.0\.1\]:\d+ ssh-ed25519 [A-Za-z0-9+/=]+$/);
    expect(one.knownHostsLine.split(" ")[2]).not.toBe(two.knownHostsLine.split(" ")[2]);
  });
});

describe("the demo's folder", () => {
  test("holds the configuration and private keys for this user only, and goes away", async () => {
    const bastion = await bastionOf(await shop());
    const folder = await makeDemoFolder(bastion);
    const files = ["id_ed25519", "known_hosts", "portwright.yaml"].map((name) => join(folder.home, "shop", name));
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
    expect(readFileSync(folder.config, "utf8")).toContain(`port: ${bastion.port}`);
    expect(mkdtempSync(join(folder.home, "x")).length).toBeLessThan(60);
    await folder.remove();
    expect(() => statSync(folder.home)).toThrow("ENOENT");
  });
});

describe("the demo's words", () => {
  const told = (isTTY: boolean, env: NodeJS.ProcessEnv): string => {
    let written = "";
    const narrator = new Narrator({ isTTY, write: (text) => (written += text) }, env);
    narrator.step("Hello");
    narrator.table(["A", "LONG"], [["wide one", "b"]]);
    return written;
  };
  test("are aligned, with weight on a terminal and plain in a pipe", () => {
    expect(told(false, {})).toBe("\n1. Hello\n   A         LONG\n   wide one  b\n");
    expect(told(true, {})).toContain("\u001B[1m1. Hello");
    expect(told(true, { NO_COLOR: "1" })).toBe(told(false, {}));
  });
});

describe("the demo's keys", () => {
  test("can be read again, every one of a thousand", () => {
    for (let made = 0; made < 1000; made++) {
      const { private: secret, public: open } = freshKey();
      expect([ssh2.utils.parseKey(secret), ssh2.utils.parseKey(open)].some((half) => half instanceof Error)).toBe(
        false,
      );
    }
  });
});
