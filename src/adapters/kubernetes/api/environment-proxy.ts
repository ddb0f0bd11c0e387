import { BlockList, isIP, isIPv4 } from "node:net";

/**
 * The proxy that the environment names for a server, as kubectl reads it (Go's `http.ProxyFromEnvironment`): `HTTPS_PROXY`
 * or `HTTP_PROXY` by the server's scheme, in capitals or not, unless `NO_PROXY` or a loopback address says otherwise.
 * @returns the text of the variable and its name; `undefined`: none
 */
export function environmentProxy(
  server: URL,
  env: (name: string) => string | undefined,
): { readonly text: string; readonly variable: string } | undefined {
  const scheme = server.protocol === "https:" ? "HTTPS" : "HTTP";
  const variable = [`${scheme}_PROXY`, `${scheme.toLowerCase()}_proxy`].find((name) => (env(name) ?? "") !== "");
  if (variable === undefined) return undefined;
  const host = server.hostname.replaceAll(/^\[|\]$/g, "").toLowerCase();
  const port = server.port === "" ? (scheme === "HTTPS" ? "443" : "80") : server.port;
  const except = env("NO_PROXY") || env("no_proxy") || "";
  if (isLoopback(host) || isExcepted(except, host, port)) return undefined;
  return { text: env(variable) ?? "", variable };
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

const isLoopback = (host: string): boolean => host === "localhost" || (isIP(host) > 0 && within(loopback, host));

/** `NO_PROXY`: `*`, or a list of names with all below them, `.name` for those below only, addresses and CIDR blocks; each may end in `:port`. */
function isExcepted(list: string, host: string, port: string): boolean {
  return list
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && (entry === "*" || matches(entry, host, port)));
}

function matches(entry: string, host: string, port: string): boolean {
  const [, cidr, bits] = /^([0-9a-f:.]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (cidr !== undefined) return isIP(cidr) > 0 && isIP(host) > 0 && inBlock(cidr, Number(bits), host);
  const [, bracketed, named, wantedPort] = /^(?:\[([^\]]+)\]|([^:]*)):?(\d+)?$/.exec(entry) ?? [];
  // An IPv6 address without brackets has colons of its own.
  const name = isIP(entry) === 6 ? entry : (bracketed ?? named ?? "");
  if (name === "" || (wantedPort !== undefined && wantedPort !== port)) return false;
  if (isIP(name) > 0) return isIP(host) > 0 && within(single(name), host);
  const suffix = name.replace(/^\*\./, ".");
  return suffix.startsWith(".") ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function inBlock(network: string, bits: number, host: string): boolean {
  const family = familyOf(network);
  if (bits > (family === "ipv4" ? 32 : 128)) return false;
  const block = new BlockList();
  block.addSubnet(network, bits, family);
  return within(block, host);
}

function single(address: string): BlockList {
  const block = new BlockList();
  block.addAddress(address, familyOf(address));
  return block;
}

const familyOf = (address: string): "ipv4" | "ipv6" => (isIPv4(address) ? "ipv4" : "ipv6");
const within = (block: BlockList, address: string): boolean => block.check(address, familyOf(address));
