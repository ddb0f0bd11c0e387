import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import type { ClusterContext } from "../config/cluster-context.ts";
import { environmentProxy } from "./environment-proxy.ts";

/** A proxy in front of an API server. */
export interface ServerProxy {
  readonly kind: "http" | "https" | "socks5";
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly login: { readonly user: string; readonly password: string } | undefined;
  /** Where it is named, for people: `proxy-url` of the kubeconfig, or a variable. */
  readonly namedBy: string;
}

/** How connections to an API server are made: hops first, then a proxy, then the server. Both absent: straight. */
export interface ServerWay {
  readonly route: Route | undefined;
  readonly proxy: ServerProxy | undefined;
  /** Equal for equal ways: what may share connections. Holds no password. */
  readonly key: string;
}

const kinds: Readonly<Record<string, readonly [ServerProxy["kind"], number]>> = {
  "http:": ["http", 80],
  "https:": ["https", 443],
  "socks5:": ["socks5", 1080],
  "socks5h:": ["socks5", 1080],
};

/**
 * Decides how an API server is reached. The kubeconfig's `proxy-url` wins over the environment; through hops (`via`) only
 * `proxy-url` counts, because the environment's proxy belongs to this machine's own network.
 * @throws ConnectivityError `kubeconfig_invalid` (a `proxy-url` or a variable that names no proxy)
 */
export function wayTo(context: ClusterContext, access: Access, route: Route | undefined): ServerWay {
  const proxy = proxyOf(context, access, route);
  const proxyKey = proxy && [proxy.kind, proxy.host, proxy.port, proxy.login?.user ?? ""].join(" ");
  return { route, proxy, key: `${route?.key ?? ""}\n${proxyKey ?? ""}` };
}

function proxyOf(context: ClusterContext, access: Access, route: Route | undefined): ServerProxy | undefined {
  const named = context.cluster["proxy-url"];
  if (named !== undefined) return readProxy(named, "proxy-url", context);
  if (route !== undefined) return undefined;
  const found = environmentProxy(context.server, (name) => access.env(name));
  // Go reads an address without a scheme as one of an HTTP proxy.
  return found && readProxy(found.text.includes("://") ? found.text : `http://${found.text}`, found.variable, context);
}

function readProxy(text: string, namedBy: string, context: ClusterContext): ServerProxy {
  const url = URL.parse(text);
  const [kind, usualPort] = kinds[url?.protocol ?? ""] ?? [];
  if (url === null || kind === undefined || url.hostname === "") {
    throw new ConnectivityError(
      "kubeconfig_invalid",
      `${namedBy} names no proxy for context ${context.name}: it must be a URL of http, https or socks5`,
      { context: context.name, key: namedBy },
    );
  }
  return {
    kind,
    host: url.hostname.replaceAll(/^\[|\]$/g, ""),
    port: url.port === "" ? (usualPort ?? 80) : Number(url.port),
    login: url.username === "" ? undefined : { user: decoded(url.username), password: decoded(url.password) },
    namedBy,
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
