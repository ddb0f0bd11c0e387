import type { Probe } from "#application/ports/probe.ts";

/**
 * Datagrams travel neither through a Kubernetes port-forward nor through an SSH tunnel: every path there is carries a
 * stream. The check says so at once, and dials nothing.
 */
export const udpProbe: Probe<"udp"> = {
  run: () =>
    Promise.resolve({
      ok: false,
      code: "not_supported",
      message: "this path carries no datagrams: a port-forward and an SSH tunnel are TCP only; check it over TCP",
      phasesMs: {},
      facts: { protocol: "udp" },
    }),
};
