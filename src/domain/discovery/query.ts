import { wordsOf } from "./protocols.ts";

/** What a person looks for. */
export interface TargetQuery {
  /** Words of the name or kind, folded. */
  readonly words: readonly string[];
  readonly port: number | undefined;
  /** Where, after `in`, `on`, `from` or `at`: a context, namespace or host; folded words. */
  readonly places: readonly string[];
}

const placeWords = new Set(["in", "on", "from", "at", "of"]);
/** Words that say nothing about which target is meant. */
const fillers = new Set([
  "the",
  "a",
  "an",
  "to",
  "my",
  "our",
  "me",
  "connect",
  "please",
  "database",
  "db",
  "server",
  "service",
  "port",
  "cluster",
  "namespace",
  "context",
]);

/**
 * Reads 'postgres in staging', '5432', 'the redis of shop on port 6379'. Words that say nothing are left out, unless
 * nothing else is there.
 */
export function parseQuery(text: string): TargetQuery {
  const raw = text.slice(0, 300).toLowerCase().split(/\s+/).filter(Boolean);
  const words: string[] = [];
  const places: string[] = [];
  let port: number | undefined;
  let inPlace = false;
  for (const part of raw) {
    const number = /^:?(\d{1,5})$/.exec(part)?.[1] ?? /:(\d{1,5})$/.exec(part)?.[1];
    if (number !== undefined && Number(number) >= 1 && Number(number) <= 65_535) port = Number(number);
    if (number !== undefined && /^:?\d+$/.test(part)) {
      inPlace = false;
      continue;
    }
    if (placeWords.has(part) && words.length + places.length > 0) {
      inPlace = true;
      continue;
    }
    const name = part.replace(/:\d{1,5}$/, "").replaceAll(/[^a-z0-9._/@-]+/g, "");
    if (name !== "") (inPlace && !fillers.has(name) ? places : inPlace ? [] : words).push(name);
  }
  const telling = words.filter((word) => !fillers.has(word));
  return { words: telling.length > 0 || port !== undefined || places.length > 0 ? telling : words, port, places };
}

/** All words of a query, for what is searched without order. */
export const allWords = ({ words, places }: TargetQuery): string[] =>
  [...words, ...places].flatMap((word) => wordsOf(word));
