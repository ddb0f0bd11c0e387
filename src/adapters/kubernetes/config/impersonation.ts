import type { UserEntry } from "./kubeconfig-schema.ts";

/** What may stand in a header's name (RFC 9110, token); the rest is percent-encoded, as client-go does. */
const plain = /[A-Za-z0-9!#$&'*+.^_`|~-]/;

/** The headers by which a user acts as another (`as`, `as-uid`, `as-groups`, `as-user-extra`); each group is a header of its own. */
export function impersonationHeaders(user: UserEntry): Record<string, string | string[]> {
  const extra = Object.entries(user["as-user-extra"]).map(([key, values]): [string, string[]] => [
    `Impersonate-Extra-${escaped(key)}`,
    values,
  ]);
  return {
    ...(user.as !== undefined && { "Impersonate-User": user.as }),
    ...(user["as-uid"] !== undefined && { "Impersonate-Uid": user["as-uid"] }),
    ...(user["as-groups"].length > 0 && { "Impersonate-Group": user["as-groups"] }),
    ...Object.fromEntries(extra.filter(([, values]) => values.length > 0)),
  };
}

const escaped = (key: string): string =>
  [...Buffer.from(key, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return plain.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
