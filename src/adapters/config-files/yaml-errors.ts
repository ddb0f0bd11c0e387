import type { YAMLError } from "yaml";

const sentences: Partial<Record<YAMLError["code"], string>> = {
  BAD_INDENT: "the indentation does not fit the lines around it",
  TAB_AS_INDENT: "a tab indents this line; YAML wants spaces",
  MISSING_CHAR: "something is missing here: a closing quote or bracket, a comma, or a space after a colon or a dash",
  UNEXPECTED_TOKEN: "this does not belong here",
  BAD_SCALAR_START: "a plain value cannot begin with this character; put the value in quotes",
  BLOCK_AS_IMPLICIT_KEY:
    "a value in one line cannot hold key: value again; indent it below, or put the value in quotes",
  BLOCK_IN_FLOW: "inside brackets everything must be written with brackets",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line, followed by a colon",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 characters",
  BAD_DQ_ESCAPE: "an unknown escape in double quotes; use single quotes for text with backslashes",
  BAD_ALIAS: "an alias (*name) without a name",
  ALIAS_PROPS: "an alias cannot have an anchor or a tag of its own",
  MULTIPLE_ANCHORS: "a value can have one anchor only",
  MULTIPLE_TAGS: "a value can have one tag only",
  MULTIPLE_DOCS: "a second document begins here; keep one per file, without the --- line between them",
  BAD_DIRECTIVE: "an unknown % directive",
  RESOURCE_EXHAUSTION: "values are nested too deeply",
};

/** Our sentence for an error of the YAML parser; its own text may quote the file and is not shown. */
export const yamlSentence = (code: YAMLError["code"], upstream = ""): string => {
  // An open bracket is reported as a wrong indentation.
  const kind = code === "BAD_INDENT" && /end with a [\]}]$/.test(upstream) ? "MISSING_CHAR" : code;
  return `not valid YAML: ${sentences[kind] ?? "this cannot be read"}`;
};
