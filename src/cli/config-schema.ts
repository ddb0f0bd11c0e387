import * as z from "zod";
import { environmentSchema } from "#domain/spec/environment.ts";
import { serviceSchema } from "#domain/spec/service.ts";

/** The JSON Schema (2020-12) of `portwright.yaml`, for editors: what a person may write, before defaults. */
export const configurationJsonSchema = (): object =>
  z.toJSONSchema(
    z
      .strictObject({
        version: z.string().optional(),
        services: z.array(serviceSchema).optional(),
        environments: z.array(environmentSchema).optional(),
      })
      .meta({ title: "portwright.yaml" }),
    { io: "input" },
  );
