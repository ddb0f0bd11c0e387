import type { Duplex } from "node:stream";
import type { Route, RouteTarget } from "#application/ports/route.ts";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { DialLimits } from "./dial.ts";
import type { Server } from "./servers.ts";
import { filesOf, watchFiles } from "./watch-files.ts";

/** A host that does not answer a hop for this long is taken for unreachable: a new attempt sees its return sooner. */
const slowestTargetMs = 5000;

/** Through an SSH server to whatever it reaches: its pooled connection is opened when it is first needed. */
export function hopRoute(server: Server, { handshakeMs }: DialLimits): Route {
  const hop = server.settings.name;
  const channelTimeoutMs = Math.min(handshakeMs, slowestTargetMs);
  return {
    via: server.via,
    key: server.key,
    async connect(to, { signal }): Promise<Duplex> {
      const lease = await server.acquire(signal).catch((error: unknown) => {
        throw signal.aborted ? signal.reason : hopError(server.settings, toConnectivityError(error));
      });
      try {
        const stream = await lease.open(to, AbortSignal.any([signal, late(hop, to, channelTimeoutMs)]));
        stream.once("close", () => lease.release());
        return stream;
      } catch (error) {
        lease.release();
        throw signal.aborted ? signal.reason : error;
      }
    },
    watch(onChange) {
      const watching = [watchFiles(filesOf(server.settings), onChange), server.route?.watch?.(onChange)];
      return { [Symbol.dispose]: () => watching.forEach((watch) => watch?.[Symbol.dispose]()) };
    },
  };
}

/** Why a hop cannot be used. What only a person can mend keeps its code, and is not tried again by itself. */
function hopError({ name: hop, host, port }: Server["settings"], error: ConnectivityError): ConnectivityError {
  // A hop before this one: it is named already.
  if (error.facts["hop"] !== undefined) return error;
  const { code, message, untrusted, cause } = error;
  // Whoever mends it logs in there, not at the server behind it.
  const facts = { host, port, ...error.facts };
  const options = { cause: cause ?? error, ...(untrusted !== undefined && { untrusted }) };
  if (!error.retryable)
    return new ConnectivityError(code, `on the way, at ${hop}: ${message}`, { ...facts, hop }, options);
  return new ConnectivityError(
    "ssh_jump_failed",
    `the hop ${hop} cannot be used: ${message}`,
    { ...facts, hop, because: code },
    options,
  );
}

/** A server that is asked for a host behind a firewall answers only when its own TCP gives up, minutes later. */
function late(hop: string, to: RouteTarget, ms: number): AbortSignal {
  const target = "socket" in to ? to.socket : `${to.host}:${to.port}`;
  const controller = new AbortController();
  setTimeout(
    () =>
      controller.abort(
        new ConnectivityError("target_unreachable", `${hop} did not reach ${target} within ${ms / 1000} s`, {
          target,
          errno: "ETIMEDOUT",
        }),
      ),
    ms,
  ).unref();
  return controller.signal;
}
