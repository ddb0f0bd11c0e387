import type { ConfigurationChange } from "./configuration-diff.ts";
import type { Impact } from "./impact.ts";

const shownNames = 5;
const shownKeys = 4;

/** A list for a sentence: `a, b and 3 more`. */
export function listed(names: readonly string[], most = shownNames): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

export interface PlanWords {
  readonly changes: readonly ConfigurationChange[];
  readonly impact: Impact;
  /** Endpoint and target of an added service: `127.0.0.1:6379 → staging/data/service/redis:6379`. */
  readonly route: (service: string) => string | undefined;
  /** Environments that come to name a service. */
  readonly joins: (service: string) => readonly string[];
  /** Instead of what is added, changed and removed: `Go back to generation 14`. */
  readonly title?: string;
}

/** The sentence that a person agrees to, word for word: what changes, and what it does to what runs. */
export function confirmSentence(words: PlanWords): string {
  const { changes, title } = words;
  const told = shownChanges(changes, words);
  const acts = changes.length === 0 ? "" : told;
  return `${title === undefined ? acts : `${title}${acts === "" ? "" : `: ${lowerFirst(acts)}`}`}. ${cost(words.impact)}`;
}

function shownChanges(changes: readonly ConfigurationChange[], words: PlanWords): string {
  const joined = new Set(
    changes.flatMap(({ op, service }) => (op === "add" && service !== undefined ? words.joins(service) : [])),
  );
  // An environment that only takes in an added service is told with it.
  const own = changes.filter(
    ({ environment, op, keys }) =>
      environment === undefined ||
      op !== "change" ||
      !joined.has(environment) ||
      keys.some((key) => key !== "services"),
  );
  const [added, changed, removed] = (["add", "change", "remove"] as const).map((op) =>
    own.filter((one) => one.op === op),
  );
  const parts: string[] = [];
  if (added?.length) parts.push(`Add ${listed(added.map((one) => addition(one, words, added.length === 1)))}`);
  if (changed?.length) parts.push(`${parts.length > 0 ? "change" : "Change"} ${listed(changed.map(alteration))}`);
  if (removed?.length) parts.push(`${parts.length > 0 ? "remove" : "Remove"} ${listed(removed.map(nameOf))}`);
  return parts.join("; ");
}

function addition(change: ConfigurationChange, { route, joins }: PlanWords, inFull: boolean): string {
  if (change.service === undefined || !inFull) return nameOf(change);
  const leads = route(change.service);
  const into = joins(change.service);
  return `${change.service}${leads === undefined ? "" : `: ${leads}`}${into.length === 0 ? "" : `, in ${listed(into)}`}`;
}

const alteration = (change: ConfigurationChange): string => `${nameOf(change)} (${listed(change.keys, shownKeys)})`;

const nameOf = ({ id, service, environment }: ConfigurationChange): string =>
  service ??
  (environment === undefined ? `the file's ${id === "file" ? "other keys" : id}` : `environment ${environment}`);

function cost({ restarts, stops, breaks_connections: broken }: Impact): string {
  const parts = [
    ...(restarts.length > 0 ? [`Restarts ${listed(restarts)}`] : []),
    ...(stops.length > 0 ? [`${restarts.length > 0 ? "stops" : "Stops"} ${listed(stops)}`] : []),
  ];
  if (parts.length === 0) return "Restarts nothing.";
  return `${parts.join(", ")}${broken > 0 ? `, breaks ${broken} open connection${broken === 1 ? "" : "s"}` : ""}.`;
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** The same for the summary: what, and what it leaves alone. */
export function planSummary(words: PlanWords): string {
  const sentence = confirmSentence(words);
  const { restarts, stops, untouched } = words.impact;
  if (restarts.length + stops.length > 0) {
    return `${sentence}${untouched > 0 ? ` ${untouched} other running service${untouched === 1 ? " keeps its" : "s keep their"} connections.` : ""}`;
  }
  return sentence.replace(/Restarts nothing\.$/, "Nothing that runs is touched.");
}

/** The readable half of a plan's id: `add-redis`, `change-db`, `remove-db`, `back-to-14`. */
export function planStem(changes: readonly ConfigurationChange[], title?: string): string {
  if (title !== undefined) return slug(title);
  const [first] = changes;
  const verb = { add: "add", change: "change", remove: "remove" }[first?.op ?? "change"];
  return slug(`${verb}-${first?.service ?? first?.environment ?? "file"}`);
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 40);
