/** In place of `@modelcontextprotocol/server/_shims`, which would bring ajv with it. */
/** Not `node:process`: importing it makes each of its parts, reports among them (0.4 MB of the daemon, measured). */
export const { process } = globalThis;

/** Finds everything wrong: nothing is ever asked of a client, so nothing that it answers can be right. */
export class DefaultJsonSchemaValidator {
  getValidator() {
    return () => ({ valid: false as const, data: undefined, errorMessage: "nothing was asked for" });
  }
}
