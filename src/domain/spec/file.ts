import * as z from "zod";
import { clusterHealthSchema } from "./cluster-health.ts";
import { environmentSchema } from "./environment.ts";
import { healthCheckSchema } from "./health-check.ts";
import { declaredServiceSchema, restartPolicySchema } from "./service.ts";

/** All that stands in a file beside services and environments. */
export const fileSchema = z.strictObject({
  version: z.union([z.string(), z.number()]).optional().describe('The format: "1.0"'),
  services: z.array(declaredServiceSchema).default([]),
  environments: z
    .array(environmentSchema)
    .optional()
    .describe("Absent: one, default, with all enabled services. Each tag is an environment too"),
  defaults: z
    .strictObject({
      health_check: healthCheckSchema.optional(),
      restart_policy: restartPolicySchema.optional(),
      cluster_health: clusterHealthSchema.optional(),
    })
    .optional()
    .describe("Inherited by every service, which overrides only the fields that it sets"),
  cluster_contexts: z
    .record(z.string(), z.strictObject({ cluster_health: clusterHealthSchema.optional() }))
    .optional()
    .describe("Per context of the kubeconfig; overrides defaults.cluster_health"),
  _metadata: z.record(z.string(), z.unknown()).optional().describe("Written by LocalPort's config export"),
});
