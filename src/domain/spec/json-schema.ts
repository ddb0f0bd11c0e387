import * as z from "zod";
import { fileSchema } from "./file.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Anything may be a reference; what it holds is checked when the file is read. */
const reference: JsonSchema = { type: "string", pattern: String.raw`\$\{env:[^}]+\}` };

/** Whether a reference, a piece of text, would not fit otherwise. */
const needsReference = (schema: JsonSchema): boolean =>
  schema.type === "integer" ||
  schema.type === "number" ||
  schema.type === "boolean" ||
  (schema.type === "string" && (schema.enum !== undefined || schema.pattern !== undefined));

/**
 * JSON Schema (draft 2020-12) of a whole `portwright.yaml`, for editors and `portwright config schema`: what a person
 * may write, with references where a number, a boolean or a choice stands. Derived from the schemas that read it.
 */
export function configurationJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(fileSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      for (const [key, property] of Object.entries(jsonSchema.properties ?? {})) {
        // What a union is told apart by stays a plain choice.
        if (typeof property !== "object" || key === "technology" || key === "type" || !needsReference(property))
          continue;
        const { description, default: standard, ...rest } = property;
        jsonSchema.properties![key] = {
          ...(description !== undefined && { description }),
          ...(standard !== undefined && { default: standard }),
          anyOf: [rest, reference],
        };
      }
    },
  });
  return { title: "portwright.yaml", ...schema };
}
