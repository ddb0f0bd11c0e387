import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Where a proxy is and what somebody says there; the password goes nowhere but to it. */
export interface ProxyLogin {
  readonly user: string;
  readonly password: string;
}

/** An end to be reached by a proxy, as a client names it. */
export interface ProxiedEnd {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A proxy did not let through; `facts.reason` says why in one word. */
export const proxyRefused = (message: string, reason: string, untrusted?: string): ConnectivityError =>
  new ConnectivityError(
    "proxy_refused",
    message,
    { reason },
    untrusted === undefined || untrusted === "" ? {} : { untrusted },
  );
