import { ConnectivityError } from "#domain/connectivity-error.ts";

/** A tunnel that carries no more, and why. */
export const lost = (why: string): ConnectivityError =>
  new ConnectivityError("connection_lost", `the tunnel to the pod is gone: ${why}`);

export const silent = (): ConnectivityError => lost("the cluster no longer answers");

/** One connection was not opened; the tunnel may be well. */
export const unanswered = (): ConnectivityError =>
  new ConnectivityError("forward_refused", "the cluster did not answer the opening of the connection in time");
