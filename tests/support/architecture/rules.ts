import { importsOf, lineAt, resolveOwn, withoutComments } from "./imports.ts";

/** Something about a file that the architecture does not allow. */
export interface Violation {
  readonly rule: Rule;
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export type Rule =
  | "import points outwards"
  | "adapter imports adapter"
  | "surface imported"
  | "package in the core"
  | "node in the domain"
  | "I/O in the application"
  | "clock or chance in the core"
  | "bare error"
  | "zod imported by name"
  | "package imported dynamically"
  | "node:http imported"
  | "stdout"
  | "request to the client"
  | "folder without meaning"
  | "file too long";

type Layer = "domain" | "application" | "adapters" | "surface" | "server" | "shim" | "cli" | "root";

/** What each layer may import besides itself. `docs/architecture.md` draws it. */
const inwards: Readonly<Record<Layer, readonly Layer[]>> = {
  domain: [],
  application: ["domain"],
  surface: ["domain", "application"],
  adapters: ["domain", "application"],
  server: ["domain", "application", "adapters", "surface"],
  shim: ["domain", "application", "adapters", "server"],
  cli: ["domain", "application", "adapters", "server", "shim"],
  root: ["domain", "application", "adapters", "surface", "server", "shim", "cli"],
};

const surfaceFolders = ["tools", "resources", "prompts"];
const sharedFiles = ["src/version.ts", "package.json"];

function layerOf(file: string): Layer {
  const [top = "", second = ""] = file.split("/");
  if (surfaceFolders.includes(top)) return "surface";
  return second in inwards && second !== "root" && second !== "surface" ? (second as Layer) : "root";
}

const isProduct = (file: string): boolean => ["src", ...surfaceFolders].includes(file.split("/")[0] ?? "");

/** Everything about one file that is not allowed. `file` is its path from the project's root, with `/`. */
export function violationsOf(file: string, text: string): Violation[] {
  const found = [...folderRule(file), ...lengthRule(file, text)];
  if (isProduct(file)) found.push(...importRules(file, text), ...textRules(file, text));
  return found;
}

function* importRules(file: string, text: string): Generator<Violation> {
  const layer = layerOf(file);
  for (const { specifier, line, typeOnly, dynamic } of importsOf(text)) {
    const broken = (rule: Rule): Violation => ({ rule, file, line, text: specifier });
    const target = resolveOwn(file, specifier);
    if (target !== undefined) {
      if (!sharedFiles.includes(target)) yield* ownImportRules(file, layer, target, broken);
      continue;
    }
    if (dynamic && !specifier.startsWith("node:")) yield broken("package imported dynamically");
    const fromNode = specifier.startsWith("node:");
    if (layer === "domain" && fromNode) yield broken("node in the domain");
    if (layer === "application" && fromNode && !typeOnly && !pureNode.has(specifier))
      yield broken("I/O in the application");
    if (coreLayers.has(layer) && !fromNode && specifier !== "zod") yield broken("package in the core");
  }
}

/** Modules of Node that compute and touch nothing outside. */
const pureNode = new Set(["node:path", "node:util", "node:crypto"]);
const coreLayers: ReadonlySet<Layer> = new Set(["domain", "application", "surface"]);

function* ownImportRules(
  file: string,
  layer: Layer,
  target: string,
  broken: (rule: Rule) => Violation,
): Generator<Violation> {
  const targetLayer = layerOf(target);
  if (targetLayer === "surface" && layer !== "surface" && layer !== "server" && layer !== "root") {
    yield broken("surface imported");
  } else if (layer === "root" && file !== "src/main.ts" && file !== "src/composition.ts") {
    yield broken("import points outwards");
  } else if (targetLayer !== layer && !inwards[layer].includes(targetLayer)) {
    yield broken("import points outwards");
  }
  if (layer === "adapters" && targetLayer === "adapters") {
    const [own, other] = [file, target].map((path) => path.split("/")[2]);
    if (own !== other && other !== "net") yield broken("adapter imports adapter");
  }
}

interface TextRule {
  readonly rule: Rule;
  readonly pattern: RegExp;
  readonly appliesTo: (file: string) => boolean;
}

const everywhere = (): boolean => true;
const inCore = (file: string): boolean => ["domain", "application", "surface"].includes(layerOf(file));
/** The two that own the process's output: a terminal's, and JSON-RPC's. */
const ownsOutput = (file: string): boolean => ["cli", "shim"].includes(layerOf(file)) || file === "src/main.ts";

const textRuleList: readonly TextRule[] = [
  {
    rule: "clock or chance in the core",
    pattern: /\b(?:Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate)\(|\bnew Date\(\)/g,
    appliesTo: inCore,
  },
  { rule: "bare error", pattern: /\bnew (?:Type|Range|Syntax|Reference|Aggregate)?Error\(/g, appliesTo: everywhere },
  {
    rule: "zod imported by name",
    pattern: /^(?:import|export)\s+(?:type\s+)?(?:\{[^}]*\}|z|zod)\s+from\s+["']zod[^"']*["']/gm,
    appliesTo: everywhere,
  },
  {
    // Instead: `adapters/net/node-http.ts`, which says why.
    rule: "node:http imported",
    pattern: /^import\s+(?!type\s)[^;]*?\sfrom\s+["']node:http["']/gm,
    appliesTo: (file) => file.startsWith("src/") && !file.startsWith("src/cli/"),
  },
  { rule: "stdout", pattern: /\bconsole\.\w+|\bprocess\.stdout\b/g, appliesTo: (file) => !ownsOutput(file) },
  { rule: "request to the client", pattern: /\b(?:elicitInput|requestSampling)\b/g, appliesTo: everywhere },
];

function* textRules(file: string, text: string): Generator<Violation> {
  const code = withoutComments(text);
  for (const { rule, pattern, appliesTo } of textRuleList) {
    if (!appliesTo(file)) continue;
    for (const match of code.matchAll(pattern)) yield { rule, file, line: lineAt(code, match.index), text: match[0] };
  }
}

const meaningless = /^_?(?:utils?|helpers?|common|managers?|misc)(?:\.[a-z]+)?$/;

function* folderRule(file: string): Generator<Violation> {
  const name = file.split("/").find((part) => meaningless.test(part));
  if (name !== undefined) yield { rule: "folder without meaning", file, line: 1, text: name };
}

/** Lines of a file of `src` at the most; a good one has about 100. */
const mostLines = 250;

function* lengthRule(file: string, text: string): Generator<Violation> {
  const lines = text.replace(/\n$/, "").split("\n").length;
  if (file.startsWith("src/") && lines > mostLines)
    yield { rule: "file too long", file, line: mostLines + 1, text: `${lines} lines, at most ${mostLines}` };
}

/** The packages that loading `entry` loads, over all files that it imports by value. `read`: the text of an own file. */
export function packagesBehind(entry: string, read: (file: string) => string): ReadonlySet<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || !file.endsWith(".ts")) return;
    seen.add(file);
    for (const { specifier, typeOnly, dynamic } of importsOf(read(file))) {
      if (typeOnly || dynamic) continue;
      const target = resolveOwn(file, specifier);
      if (target !== undefined) visit(target);
      else if (!specifier.startsWith("node:")) packages.add(specifier);
    }
  };
  visit(entry);
  return packages;
}
