import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Where a forwarded connection goes, for messages. */
export interface ForwardTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /**
   * The pod's runtime does not pass our end of input on but takes it as leave to cut: containerd closes the whole connection
   * one second after it, cri-dockerd's socat after half a second, whatever the pod still has to send.
   */
  readonly endCuts?: boolean;
}

const untrustedLimit = 2048;
/** containerd's text names the namespace in every error: only a closed or missing one means that the pod is gone. */
const podGone =
  /network namespace[^:]*(is|was|already) closed|not running|netns[^:]*: no such file|sandbox[^:]*not found|pod not found|no such container/i;

/**
 * What the text of a port-forward's error stream (written by the kubelet or the container runtime) means for one
 * connection. The text itself is only in `untrusted`.
 */
export function forwardError(text: string, target: ForwardTarget): ConnectivityError {
  const options = { untrusted: text.slice(0, untrustedLimit) };
  const facts = { pod: target.pod, namespace: target.namespace, port: target.port };
  // These come before any connection to the target: nothing of what was sent got anywhere.
  const unreached = { ...facts, delivered: false };
  if (/connection refused/i.test(text)) {
    return new ConnectivityError(
      "target_port_closed",
      `nothing listens on port ${target.port} of pod ${target.pod}`,
      unreached,
      options,
    );
  }
  if (/connection reset by peer|broken pipe/i.test(text)) return resetByTarget(target, options);
  if (podGone.test(text)) {
    return new ConnectivityError("pod_gone", `pod ${target.pod} no longer runs`, unreached, options);
  }
  return new ConnectivityError(
    "forward_refused",
    `the cluster could not forward to port ${target.port} of pod ${target.pod}`,
    facts,
    options,
  );
}

/** The target's side broke an open connection off. */
export const resetByTarget = (
  target: ForwardTarget,
  options: { readonly untrusted?: string } = {},
): ConnectivityError =>
  new ConnectivityError(
    "target_unreachable",
    `pod ${target.pod} reset the connection`,
    { pod: target.pod, namespace: target.namespace, port: target.port, reset_by: "target" },
    options,
  );
