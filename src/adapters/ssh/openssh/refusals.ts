import type { RouteTarget } from "#application/ports/route.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { OpenFailure } from "./log-lines.ts";

/** A target for people. */
const name = (to: RouteTarget): string => ("socket" in to ? to.socket : `${to.host}:${to.port}`);

export const gone = (message: string): ConnectivityError => new ConnectivityError("connection_lost", message);

/** OpenSSH itself does not forward there. */
export const refusedForward = (to: RouteTarget): ConnectivityError =>
  new ConnectivityError("ssh_forwarding_prohibited", `OpenSSH does not forward to ${name(to)}`, { target: name(to) });

/** What the server's refusal of a channel means. @param text the server's own words */
export function channelRefused(reason: OpenFailure, text: string, to: RouteTarget): ConnectivityError {
  const target = name(to);
  const facts: Facts = { target, reason, driver: "openssh" };
  const options = text === "" ? {} : { untrusted: text };
  switch (reason) {
    case "prohibited":
    case "unknown_type":
      return new ConnectivityError(
        "ssh_forwarding_prohibited",
        `the SSH server does not allow forwarding to ${target}`,
        facts,
        options,
      );
    case "connect_failed":
      return new ConnectivityError(
        "target_unreachable",
        `the SSH server could not connect to ${target}`,
        facts,
        options,
      );
    case "no_resources":
      return new ConnectivityError(
        "ssh_session_limit",
        `the SSH server has no room for a further connection to ${target}`,
        facts,
        options,
      );
  }
}
