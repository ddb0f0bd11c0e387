import * as z from "zod";

type JsonSchema = Record<string, unknown>;

/**
 * Bounds that our boundary checks and says by name when they are broken. They are left out of `tools/list`, which every
 * client pays for in every conversation.
 */
const unlistedBounds = ["minLength", "maxLength", "minItems", "maxItems", "minimum"] as const;

const isEmptyObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

function trim(node: JsonSchema): void {
  for (const bound of unlistedBounds) delete node[bound];
  if (node["maximum"] === Number.MAX_SAFE_INTEGER) delete node["maximum"];
  // An enum of strings says already that it is a string.
  if (Array.isArray(node["enum"])) delete node["type"];
  for (const key of ["properties", "items", "additionalProperties"]) if (isEmptyObject(node[key])) delete node[key];
}

const known = new WeakMap<z.ZodType, JsonSchema>();

/** The JSON Schema 2020-12 of a zod object as clients see it: the shortest that says the same. Made once per schema. */
export function wireSchema(schema: z.ZodType): JsonSchema {
  const made = known.get(schema);
  if (made !== undefined) return made;
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema }) => trim(jsonSchema),
  });
  known.set(schema, json);
  return json;
}
