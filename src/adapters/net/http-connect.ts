import { isIPv6 } from "node:net";
import type { Duplex } from "node:stream";
import { proxyRefused, type ProxiedEnd, type ProxyLogin } from "./proxy-failure.ts";
import { readAhead } from "./read-ahead.ts";

const longestAnswer = 16 * 1024;
const shownAnswer = 500;

/**
 * Asks an HTTP proxy, over a connection to it, for a tunnel (RFC 9110, section 9.3.6). Afterwards the connection is one to `end`.
 * @throws ConnectivityError `proxy_refused` (`facts.status`), as `readAhead`
 */
export async function httpConnect(
  connection: Duplex,
  { host, port }: ProxiedEnd,
  login: ProxyLogin | undefined,
  signal: AbortSignal,
): Promise<void> {
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const basic = login && Buffer.from(`${login.user}:${login.password}`).toString("base64");
  connection.write(
    [
      `CONNECT ${authority} HTTP/1.1`,
      `Host: ${authority}`,
      "User-Agent: portwright",
      ...(basic === undefined ? [] : [`Proxy-Authorization: Basic ${basic}`]),
      "\r\n",
    ].join("\r\n"),
  );
  const answer = (await readAhead(connection, headLength, longestAnswer, signal)).toString("latin1");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);
  if (status >= 200 && status < 300) return;
  const said = answer.slice(0, shownAnswer);
  if (status === 0) throw proxyRefused("what answers at the proxy's address is no HTTP proxy", "no_proxy", said);
  if (status === 407) throw proxyRefused("the proxy wants a login, or does not take this one", "login", said);
  throw proxyRefused(`the proxy refuses with status ${status}`, `status_${status}`, said);
}

function headLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  return end < 0 ? undefined : end + 4;
}
