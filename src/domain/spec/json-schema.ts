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

/** What a union is told apart by stays a plain choice. */
const tells = new Set(["technology", "type"]);

function withReferences(node: unknown, key = ""): unknown {
  if (Array.isArray(node)) return node.map((item) => withReferences(item));
  if (typeof node !== "object" || node === null) return node;
  const schema = node as JsonSchema;
  if (needsReference(schema) && key !== "" && !tells.has(key)) {
    const { description, default: standard, ...rest } = schema;
    return {
      ...(description !== undefined && { description }),
      ...(standard !== undefined && { default: standard }),
      anyOf: [rest, reference],
    };
  }
  // A choice or a text of a certain form.
  if (key !== "" && schema.anyOf?.every((option) => needsReference(option))) {
    return { ...schema, anyOf: [...schema.anyOf, reference] };
  }
  const entries = Object.entries(schema).map(([name, value]) => [
    name,
    name === "properties" ? withReferencesIn(value as Record<string, unknown>) : withReferences(value),
  ]);
  return Object.fromEntries(entries);
}

const withReferencesIn = (properties: Record<string, unknown>): unknown =>
  Object.fromEntries(Object.entries(properties).map(([key, property]) => [key, withReferences(property, key)]));

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
      // zod's own name for a prefix; the pattern beside it says the same to every validator.
      if (jsonSchema.format === "starts_with") delete jsonSchema.format;
    },
  });
  return { title: "portwright.yaml", ...(withReferences(schema) as Record<string, unknown>) };
}
