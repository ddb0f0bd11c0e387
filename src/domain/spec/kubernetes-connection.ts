import * as z from "zod";
import { parseSelector } from "../kubernetes/label-selector.ts";

const kinds = ["service", "pod", "deployment", "statefulset", "replicaset", "daemonset", "job"] as const;

/** The `connection` of a Kubernetes service: a named object, one pod of a StatefulSet by its ordinal, or pods by their labels. */
export const kubernetesConnection = z
  .strictObject({
    context: z.string().min(1).optional().describe("A context of the kubeconfig; default: the current one"),
    namespace: z.string().min(1).default("default"),
    resource_type: z.enum(kinds).optional().describe("Default: service; with a selector and no name: pod"),
    resource_name: z.string().min(1).optional().describe("Required, unless a selector says which pods"),
    selector: z
      .string()
      .refine((text) => parseSelector(text) !== undefined, "expected labels, such as app=web,tier in (a,b)")
      .optional()
      .describe("Labels of the pods, as kubectl -l takes them: in place of a name, or to narrow what a name selects"),
    ordinal: z
      .int()
      .min(0)
      .max(2_147_483_647)
      .optional()
      .describe("One pod of a StatefulSet: 0 of statefulset db is pod db-0, wherever it runs"),
  })
  .superRefine(({ resource_type, resource_name, selector, ordinal }, context) => {
    const byLabels = selector !== undefined && (resource_type ?? "pod") === "pod";
    if (resource_name === undefined && !byLabels) {
      const message = selector === undefined ? "must be text, unless there is a selector" : "must be text";
      context.addIssue({ code: "custom", path: ["resource_name"], message });
    }
    if (ordinal !== undefined && resource_type !== "statefulset") {
      context.addIssue({ code: "custom", path: ["ordinal"], message: "must stand with resource_type: statefulset" });
    }
  })
  .transform(({ context, namespace, resource_type, resource_name, selector, ordinal }) => ({
    context,
    namespace,
    resourceType: resource_type ?? (resource_name === undefined ? ("pod" as const) : ("service" as const)),
    ...(resource_name !== undefined && { resourceName: resource_name }),
    ...(selector !== undefined && { selector }),
    ...(ordinal !== undefined && { ordinal }),
  }));
