/** What of a server is named: `[ssh://][user@]host[:port]`, an IPv6 address in brackets where a port follows. */
interface Named {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

/** The port of SSH; in a configuration it counts as not said. */
const usualPort = 22;

function parse(text: string): Named {
  const [, user, rest = ""] = /^(?:ssh:\/\/)?(?:(.+)@)?(.*)$/s.exec(text.trim()) ?? [];
  const [, bracketed, bare, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(rest) ?? [];
  return {
    user,
    host: (bracketed ?? bare ?? rest).toLowerCase(),
    port: digits === undefined ? undefined : Number(digits),
  };
}

/** Whether a person who writes `asked` means the server that is declared so: what one of them leaves out is not compared. */
export function namesServer(asked: string, declared: string | Partial<Named>): boolean {
  const one = parse(asked);
  const other = typeof declared === "string" ? parse(declared) : { ...declared, host: declared.host?.toLowerCase() };
  const fits = <T>(left: T | undefined, right: T | undefined): boolean =>
    left === undefined || right === undefined || left === right;
  const port = other.port === usualPort ? undefined : other.port;
  return one.host === other.host && fits(one.user, other.user) && fits(one.port, port);
}
