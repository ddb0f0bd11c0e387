import type { Probe } from "#application/ports/probe.ts";
import { failure } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";
import { certificateFacts, secure, wishOf } from "./start-tls.ts";

/** A handshake (RFC 8446, RFC 5246), and a look at the certificate: its chain, its name, the days that it has left. */
export const tlsProbe: Probe<"tls"> = {
  run: ({ config }, path, context) =>
    runExchange(path, context.signal, "protocol_mismatch", async ({ connect, phases }) => {
      const socket = await secure(await connect(), wishOf(config, path, context));
      phases.mark("tls");
      const certificate = certificateFacts(socket, Date.now());
      const facts = { ...certificate, protocol: socket.getProtocol() ?? "" };
      socket.end();
      const { certificate_days_left: left } = certificate;
      if (left !== undefined && left < config.min_days_left) {
        const wanted = { ...facts, min_days_left: config.min_days_left };
        throw failure("certificate_expiring", `the target's certificate ends in ${left} days`, wanted);
      }
      return { by: "tls handshake", facts };
    }),
};
