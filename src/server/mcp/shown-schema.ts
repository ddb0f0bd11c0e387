import { completable, type StandardSchemaWithJSON } from "@modelcontextprotocol/server";

type Complete = (value: string) => Promise<string[]>;

/**
 * A schema for the SDK that shows ours and accepts everything. The SDK would answer wrong arguments itself, as text without
 * a code; so the boundary parses, and says what is wrong in an answer of ours.
 */
export const shownSchema = (json: Record<string, unknown>): StandardSchemaWithJSON => ({
  "~standard": {
    version: 1,
    vendor: "portwright",
    validate: (value) => ({ value }),
    jsonSchema: { input: () => json, output: () => json },
  },
});

/** The same for the arguments of a prompt, some of which can be completed. The SDK looks for them in `shape`. */
export const shownArguments = (
  json: Record<string, unknown>,
  complete: Readonly<Record<string, Complete>>,
): StandardSchemaWithJSON => {
  const fields = Object.entries(complete).map(([name, values]) => [
    name,
    completable(shownSchema({}), (value) => values(typeof value === "string" ? value : "")),
  ]);
  return Object.assign(shownSchema(json), { shape: Object.fromEntries(fields) as Record<string, unknown> });
};
