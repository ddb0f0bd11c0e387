/** One `Keyword value…` line of ssh_config(5). */
export interface ConfigLine {
  /** Counts from 1. */
  readonly line: number;
  /** In lower case. */
  readonly keyword: string;
  /** What follows the keyword, as it is written: commands take it whole. */
  readonly raw: string;
}

/** The lines that say something, in order. The keyword ends at a blank or one `=` (misc.c of OpenSSH, strdelim). */
export function parseLines(text: string): ConfigLine[] {
  const lines: ConfigLine[] = [];
  for (const [index, written] of text.split("\n").entries()) {
    // To OpenSSH a line ends where a C string does.
    const { token, rest } = nextWord((written.split("\0")[0] ?? "").trim());
    if (token === undefined || token === "" || token.startsWith("#") || rest === "") continue;
    lines.push({ line: index + 1, keyword: token.toLowerCase(), raw: rest });
  }
  return lines;
}

/** A word and what follows it; `token` is undefined when a quote is not closed. */
export interface Word {
  readonly token: string | undefined;
  readonly rest: string;
}

/** The next word of a line: up to a blank or one `=`; a word in double quotes has neither (strdelim). */
export function nextWord(text: string): Word {
  const at = text.search(/[ \t\r\n"=]/);
  if (at < 0) return { token: text, rest: "" };
  if (text[at] === '"') {
    const close = text.indexOf('"', at + 1);
    if (close < 0) return { token: undefined, rest: "" };
    return { token: text.slice(0, at) + text.slice(at + 1, close), rest: text.slice(close + 1).trimStart() };
  }
  let rest = text.slice(at + 1).replace(/^[ \t\r\n]+/, "");
  if (text[at] !== "=" && rest.startsWith("=")) rest = rest.slice(1).replace(/^[ \t\r\n]+/, "");
  return { token: text.slice(0, at), rest };
}

/**
 * The arguments of a line, as argv_split of OpenSSH does: single and double quotes, backslash before a quote, a
 * backslash or (outside of quotes) a blank; `#` at the start of an argument ends the line.
 * @returns undefined when a quote is not closed
 */
export function splitArguments(text: string): string[] | undefined {
  const found: string[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === " " || text[at] === "\t") continue;
    if (text[at] === "#") break;
    let word = "";
    let quote = "";
    for (; at < text.length; at++) {
      const char = text[at] ?? "";
      const next = text[at + 1] ?? "";
      if (char === "\\" && (/['"\\]/.test(next) || (quote === "" && next === " "))) {
        word += next;
        at++;
      } else if (quote === "" && (char === " " || char === "\t")) break;
      else if (quote === "" && (char === '"' || char === "'")) quote = char;
      else if (quote !== "" && char === quote) quote = "";
      else word += char;
    }
    if (quote !== "") return undefined;
    found.push(word);
  }
  return found;
}
