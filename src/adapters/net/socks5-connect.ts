import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { proxyRefused, type ProxiedEnd, type ProxyLogin } from "./proxy-failure.ts";
import { readAhead } from "./read-ahead.ts";

const longestAnswer = 512;
const noLogin = 0;
const byPassword = 2;
/** RFC 1928, section 6. */
const replies: Readonly<Record<number, readonly [string, string]>> = {
  1: ["the proxy failed", "failed"],
  2: ["the proxy's rules forbid it", "forbidden"],
  3: ["the proxy has no way to that network", "network_unreachable"],
  4: ["the proxy cannot reach that host", "host_unreachable"],
  5: ["nothing listens at that port, says the proxy", "connection_refused"],
  6: ["the proxy's own attempt took too long", "timed_out"],
  7: ["the proxy does not know how to connect", "not_supported"],
  8: ["the proxy does not know this kind of address", "not_supported"],
};

/**
 * Asks a SOCKS5 proxy, over a connection to it, for a connection to `end` (RFC 1928; the login: RFC 1929). The proxy
 * looks names up, as with kubectl and curl's `socks5h`.
 * @throws ConnectivityError `proxy_refused`, as `readAhead`
 */
export async function socks5Connect(
  connection: Duplex,
  end: ProxiedEnd,
  login: ProxyLogin | undefined,
  signal: AbortSignal,
): Promise<void> {
  const read = (size: number): Promise<Buffer> =>
    readAhead(connection, (bytes) => (bytes.length >= size ? size : undefined), longestAnswer, signal);
  const methods = login === undefined ? [noLogin] : [noLogin, byPassword];
  connection.write(Buffer.from([5, methods.length, ...methods]));
  const [version, method] = await read(2);
  if (version !== 5) throw proxyRefused("what answers at the proxy's address is no SOCKS5 proxy", "no_proxy");
  if (method === byPassword && login !== undefined) {
    connection.write(Buffer.concat([Buffer.from([1]), counted(login.user), counted(login.password)]));
    const [, status] = await read(2);
    if (status !== 0) throw proxyRefused("the proxy does not take this login", "login");
  } else if (method !== noLogin) {
    throw proxyRefused("the proxy wants a login, or one of another kind", "login");
  }
  const port = Buffer.alloc(2);
  port.writeUInt16BE(end.port);
  connection.write(Buffer.concat([Buffer.from([5, 1, 0]), address(end.host), port]));
  const [, reply, , kind, first] = await read(5);
  if (reply !== 0) throw proxyRefused(...(replies[reply ?? 1] ?? (["the proxy refuses", "failed"] as const)));
  // What it is bound to follows: known to nobody's use.
  await read(kind === 1 ? 5 : kind === 4 ? 17 : (first ?? 0) + 2);
}

function address(host: string): Buffer {
  if (isIP(host) === 4) return Buffer.from([1, ...host.split(".").map(Number)]);
  if (isIP(host) === 6) return Buffer.concat([Buffer.from([4]), ipv6Bytes(host)]);
  return Buffer.concat([Buffer.from([3]), counted(host)]);
}

/** A length byte and at most 255 bytes. */
function counted(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length > 255) throw proxyRefused("a name or login is too long for a SOCKS5 proxy", "too_long");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function ipv6Bytes(host: string): Buffer {
  // `URL` writes every form of an address as groups of hexadecimal digits.
  const [head = "", tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string | undefined): string[] => (part ?? "").split(":").filter((group) => group !== "");
  const before = groups(head);
  const after = groups(tail);
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => "0"), ...after];
  const bytes = Buffer.alloc(16);
  all.forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2));
  return bytes;
}
