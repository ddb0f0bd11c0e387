/** One end of a forward: a port, with the address where one is written, or a Unix socket. */
export type ForwardEnd = { readonly host?: string; readonly port: number } | { readonly socket: string };

/** A `LocalForward`, `RemoteForward` or `DynamicForward` line; without `to` a SOCKS proxy decides where it goes. */
export interface ForwardLine {
  readonly listen: ForwardEnd;
  readonly to?: ForwardEnd;
}

/** As parse_forward of OpenSSH; `undefined` when it is none. IPv6 addresses stand in brackets. */
export function parseForward(values: readonly string[], dynamic: boolean): ForwardLine | undefined {
  const fields = fieldsOf(dynamic ? (values[0] ?? "") : values.slice(0, 2).join(":"));
  if (!fields) return undefined;
  const listen = takeListen(fields, dynamic || values.length < 2 ? 0 : 1);
  if (!listen) return undefined;
  if (dynamic || values.length < 2) return fields.length === 0 ? { listen } : undefined;
  const to = takeTarget(fields);
  return to && fields.length === 0 ? { listen, to } : undefined;
}

/** Splits at colons; brackets and paths hold together. */
function fieldsOf(text: string): string[] | undefined {
  const fields: string[] = [];
  let rest = text;
  while (rest !== "") {
    const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::|$)/.exec(rest);
    if (!match) return undefined;
    fields.push(match[1] ?? match[2] ?? "");
    rest = rest.slice(match[0].length);
  }
  return fields.length > 4 ? undefined : fields;
}

const isPath = (field: string | undefined): field is string => field?.startsWith("/") === true;
const portOf = (field: string | undefined): number | undefined =>
  field !== undefined && /^\d{1,5}$/.test(field) && Number(field) <= 65_535 ? Number(field) : undefined;

/** @param behind how many fields the other end has at least */
function takeListen(fields: string[], behind: number): ForwardEnd | undefined {
  if (isPath(fields[0])) return { socket: fields.shift() ?? "" };
  const withoutPath = fields.filter((field) => !isPath(field)).length;
  const target = behind === 0 ? 0 : isPath(fields.at(-1)) ? 0 : 2;
  const host = withoutPath - target >= 2 ? fields.shift() : undefined;
  const port = portOf(fields.shift());
  if (port === undefined) return undefined;
  return { ...(host !== undefined && { host }), port };
}

function takeTarget(fields: string[]): ForwardEnd | undefined {
  if (isPath(fields[0])) return { socket: fields.shift() ?? "" };
  const host = fields.shift();
  const port = portOf(fields.shift());
  return host === undefined || host === "" || port === undefined || port === 0 ? undefined : { host, port };
}
