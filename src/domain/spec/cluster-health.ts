import * as z from "zod";
import { duration } from "./scalars.ts";

const second = 1000;

/** On or off, as a boolean or as `{enabled: boolean}`. */
const command = z.union([
  z.boolean(),
  z.strictObject({ enabled: z.boolean().default(true) }).transform(({ enabled }) => enabled),
]);

/** How the cluster behind a context is watched (LocalPort's `cluster_health`). */
export const clusterHealthSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    interval: duration(60 * second, 3600 * second).default(240 * second),
    timeout: duration(5 * second, 300 * second).default(30 * second),
    retry_attempts: z.int().min(0).max(10).default(2),
    failure_threshold: z.int().min(1).max(100).default(3),
    commands: z
      .strictObject({
        cluster_info: command.default(true),
        pod_status: command.default(true),
        node_status: command.default(true),
        events_on_failure: command.default(true),
      })
      .prefault({}),
  })
  .transform(({ enabled, interval, timeout, retry_attempts, failure_threshold, commands }) => ({
    enabled,
    intervalMs: interval,
    timeoutMs: timeout,
    retryAttempts: retry_attempts,
    failureThreshold: failure_threshold,
    commands: {
      clusterInfo: commands.cluster_info,
      podStatus: commands.pod_status,
      nodeStatus: commands.node_status,
      eventsOnFailure: commands.events_on_failure,
    },
  }));

export type ClusterHealthSpec = z.output<typeof clusterHealthSchema>;
