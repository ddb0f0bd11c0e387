import { Lexer, Parser, type CST, type LineCounter } from "yaml";

/** More pieces (words, colons, indentations) than some two thousand services have; bounds the time of all that follows. */
const mostPieces = 200_000;
/** Deeper than any configuration. What follows recurses, and a stack overflow inside V8's regular expressions ends the process. */
const deepest = 100;

export type YamlTokens =
  | { readonly ok: true; readonly tokens: readonly CST.Token[] }
  | { readonly ok: false; readonly offset: number; readonly reason: "too_many" | "too_deep" };

/** The syntax tree of a YAML text, without recursion, bounded in size and depth. */
export function readTokens(text: string, lines: LineCounter): YamlTokens {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  let pieces = 0;
  lines.addNewLine(0);
  for (const piece of new Lexer().lex(text)) {
    if (++pieces > mostPieces) return { ok: false, offset: parser.offset, reason: "too_many" };
    tokens.push(...parser.next(piece));
  }
  tokens.push(...parser.end());
  const deep = tooDeep(tokens);
  return deep === undefined ? { ok: true, tokens } : { ok: false, offset: deep, reason: "too_deep" };
}

function tooDeep(tokens: readonly CST.Token[]): number | undefined {
  const stack = tokens.map((token) => ({ token, depth: 0 }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { token, depth } = top;
    if (depth > deepest) return token.offset;
    if (token.type === "document" && token.value) stack.push({ token: token.value, depth: depth + 1 });
    if (!("items" in token)) continue;
    for (const { key, value } of token.items) {
      if (key) stack.push({ token: key, depth: depth + 1 });
      if (value) stack.push({ token: value, depth: depth + 1 });
    }
  }
  return undefined;
}
