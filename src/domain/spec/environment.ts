import * as z from "zod";
import { declaredName } from "./scalars.ts";

/** A named set of services with an order (from `depends_on`). */
export const environmentSchema = z.strictObject({
  name: declaredName,
  services: z.array(z.string()).default([]),
  tags: z.array(z.string().min(1)).default([]).describe("Adds every service that has one of these tags"),
  default: z.boolean().default(false),
  description: z.string().optional(),
  production: z.boolean().default(false).describe("Changes by an AI client want a person's approval"),
});

export type EnvironmentSpec = z.output<typeof environmentSchema>;
