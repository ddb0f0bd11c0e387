import { configurationJsonSchema } from "#domain/spec/json-schema.ts";
import { nodeAt, type Located, type Path } from "./located.ts";

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
}

let whole: Schema | undefined;

/**
 * The keys that the format knows at a path of the file, for a proposal in place of an unknown one. `root` stands at
 * `base` of the file; what it holds tells variants apart (`technology`, `type`).
 */
export function knownKeys(root: Located, base: Path, path: Path): string[] {
  let schemas = variants((whole ??= configurationJsonSchema() as Schema), undefined);
  const full = [...base, ...path];
  for (const [index, key] of full.entries()) {
    const node = index + 1 >= base.length ? nodeAt(root, full.slice(base.length, index + 1)) : undefined;
    schemas = schemas.flatMap((schema) => variants(child(schema, key), node));
  }
  return [...new Set(schemas.flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

function child(schema: Schema, key: string | number): Schema | undefined {
  if (typeof key === "number") return schema.items;
  const { additionalProperties, properties = {} } = schema;
  if (Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

function variants(schema: Schema | undefined, node: Located | undefined): Schema[] {
  if (!schema) return [];
  const options = schema.oneOf ?? schema.anyOf;
  if (!options) return [schema];
  const fitting = options.filter((option) => fits(option, node));
  return (fitting.length > 0 ? fitting : options).flatMap((option) => variants(option, node));
}

const fits = (schema: Schema, node: Located | undefined): boolean =>
  ["technology", "type"].every((key) => {
    const choice = schema.properties?.[key];
    if (!choice) return true;
    const value = node && nodeAt(node, [key]);
    return value?.kind === "scalar" && (choice.const === value.value || (choice.enum?.includes(value.value) ?? false));
  });
