import { guessProtocol, wordsOf } from "../discovery/protocols.ts";
import type { FoundTarget } from "../discovery/target.ts";
import { foldName } from "../names.ts";
import { isLoopbackName } from "../spec/checks/http.ts";

/** Something that a repository's programs connect to. */
export interface Wish {
  /** Fit to be a service's name. */
  readonly name: string;
  /** For people: `compose service redis`, `DATABASE_URL in .env.example`. */
  readonly from: string;
  readonly protocol?: string;
  readonly port?: number;
  /** The variable that its programs read, with the local end in it. */
  readonly variable?: { readonly name: string; readonly template: string };
  /** Where it runs on this machine already. */
  readonly local?: string;
}

/** Beyond this a person makes the file. */
const mostWishes = 40;
const fitName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** What programs connect to, by compose files and example variables; what both name is one. Pure; names are checked. */
export function wishesOf(
  compose: readonly FoundTarget[],
  variables: readonly { readonly name: string; readonly value: string; readonly file: string }[],
): Wish[] {
  const wishes: Wish[] = [];
  for (const target of compose) {
    if (!fitName.test(target.name) || wishes.some(({ name }) => name === target.name)) continue;
    wishes.push({
      name: target.name,
      from: `compose service ${target.name}`,
      ...(target.protocol !== undefined && { protocol: target.protocol }),
      ...(target.port !== undefined && { port: target.port, local: `127.0.0.1:${target.port}` }),
    });
  }
  for (const { name, value, file } of variables) {
    const wish = urlWish(name, value, file);
    if (wish) join(wishes, wish);
  }
  return wishes.slice(0, mostWishes);
}

/** A variable of something that compose runs tells how its programs read it. */
function join(wishes: Wish[], wish: Wish): void {
  const own = wishes.findIndex(({ name }) => foldName(name) === foldName(wish.name));
  const alike = wishes.findIndex(
    ({ protocol, variable }) => protocol !== undefined && protocol === wish.protocol && !variable,
  );
  const index = own >= 0 ? own : wish.protocol === "http" ? -1 : alike;
  const known = wishes[index];
  if (!known) wishes.push(wish);
  else if (!known.variable && wish.variable) {
    wishes[index] = { ...wish, ...known, from: `${wish.from}, ${known.from}`, variable: wish.variable };
  }
}

function urlWish(variable: string, value: string, file: string): Wish | undefined {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]{0,30}):\/\/(.*)$/i.exec(value) ?? [];
  if (scheme === "" || !URL.canParse(`http://${rest}`)) return undefined;
  const url = new URL(`http://${rest}`);
  const host = url.hostname;
  // A public host is not in a cluster of this person's.
  if (host.includes(".") && !isLoopbackName(host) && !/\.(?:local|internal|localhost|svc)(?:\.|$)/.test(host))
    return undefined;
  const port = url.port === "" ? undefined : Number(url.port);
  const prefix = variable.replace(/_(?:URL|URI|DSN|ADDR|ADDRESS|ENDPOINT|BASE_URL|CONNECTION_STRING)$/i, "");
  const protocol = guessProtocol({ port, portName: scheme.replace(/\+.*$/, ""), words: [prefix, host] })?.name;
  const [first = ""] = host.split(".");
  const placeholder = isLoopbackName(host) || /^(?:host|hostname|example|changeme|db)$/i.test(first);
  const generic = /^(?:database|db|cache|broker|queue|mq)$/i.test(prefix);
  const said = placeholder
    ? generic && protocol !== undefined
      ? protocol
      : prefix.toLowerCase().replaceAll("_", "-")
    : first;
  if (!fitName.test(said)) return undefined;
  const path = url.pathname === "/" && !rest.includes("/") ? "" : url.pathname;
  return {
    name: said,
    from: `${variable} in ${file}`,
    ...(protocol !== undefined && { protocol }),
    ...(port !== undefined && { port }),
    variable: { name: variable, template: `${scheme}://${userOf(url)}\${host}:\${port}${safe(path)}` },
  };
}

/** The user without the password: that is no business of a file. */
const userOf = ({ username }: URL): string => (/^[\w-]{1,60}$/.test(username) ? `${username}@` : "");
/** A path of an example may hold anything. */
const safe = (path: string): string => (/^[\w./-]{0,100}$/.test(path) ? path : "");

export interface MatchedWish {
  readonly wish: Wish;
  /** The one target that fits best; absent: none, or several alike. */
  readonly target?: FoundTarget;
  readonly certainty?: string;
  /** Several that fit alike, or one in production. */
  readonly candidates: readonly FoundTarget[];
}

const shownCandidates = 5;

/** Finds the service of a cluster that a wish means: by its name, then its kind; a production context is never guessed. */
export function matchWish(wish: Wish, targets: readonly FoundTarget[]): MatchedWish {
  const services = targets.filter(
    ({ kind, resource, port }) => kind === "kubernetes" && resource === "service" && port !== undefined,
  );
  const graded = services.map((target) => ({ target, grade: gradeOf(wish, target) })).filter(({ grade }) => grade > 0);
  const best = Math.max(0, ...graded.map(({ grade }) => grade));
  const top = graded.filter(({ grade }) => grade === best).map(({ target }) => target);
  const here = top.filter(({ current }) => current === true);
  const chosen = here.length === 1 ? here : top;
  const [only] = chosen;
  if (chosen.length !== 1 || !only || isProduction(only)) return { wish, candidates: top.slice(0, shownCandidates) };
  return { wish, target: only, certainty: certainties[best] ?? "", candidates: [] };
}

const certainties: Readonly<Record<number, string>> = {
  4: "name and port match",
  3: "name matches",
  2: "kind and port match",
  1: "kind matches",
};

function gradeOf({ name, port, protocol }: Wish, target: FoundTarget): number {
  const portFits = port !== undefined && target.port === port;
  const named =
    foldName(target.name) === foldName(name) || wordsOf(name).every((word) => wordsOf(target.name).includes(word));
  if (named) return portFits || (protocol !== undefined && protocol === target.protocol) ? 4 : 3;
  if (protocol === undefined || protocol !== target.protocol || protocol === "http" || protocol === "https") return 0;
  return portFits ? 2 : 1;
}

const isProduction = ({ places }: FoundTarget): boolean => places.some((place) => /prod/i.test(place));
