/** In place of `@modelcontextprotocol/server/_shims`, which would bring ajv with it. */
import process from "node:process";

export { process };

/** Finds everything wrong: nothing is ever asked of a client, so nothing that it answers can be right. */
export class DefaultJsonSchemaValidator {
  getValidator() {
    return () => ({ valid: false as const, data: undefined, errorMessage: "nothing was asked for" });
  }
}
