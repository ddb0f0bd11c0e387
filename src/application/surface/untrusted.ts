/**
 * Text from outside (log lines, banners, stderr of a plugin, bodies): evidence for the reader, never an instruction.
 * This is the one place where it is made fit to be shown: cleaned, redacted, clipped and fenced.
 */

/** Longest single text that is shown. */
export const untrustedLimit = 4000;

/** More than this is not even looked at: redaction stays fast whatever a server sends. */
const inspectedLimit = 4 * untrustedLimit;

// Sequences of a terminal: CSI (colours, cursor), OSC (titles, links), and what else starts with ESC. ECMA-48 section 5.
// oxlint-disable-next-line no-control-regex
const escapeSequence = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\^_])?/g;
// Controls other than tab and line feed; zero-width, bidirectional and tag characters that hide or reorder text.
const invisible =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]|[\u{E0000}-\u{E007F}]/gu;
const loneSurrogate = /\p{Surrogate}/gu;

// Each is tried once per word (the look-behinds), and what may repeat is bounded: no text takes more than linear time.
const secrets: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g, "[private key]"],
  [/([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@]{0,100}):[^\s@/]{1,200}@/gi, "$1:***@"],
  [/\b(bearer|basic)\s{1,3}[A-Za-z0-9._~+/=-]{8,}/gi, "$1 ***"],
  [/(?<![\w-])eyJ[\w-]{10,}\.[\w-]{5,}\.[\w-]*/g, "***"],
  [/\bAKIA[0-9A-Z]{16}\b/g, "***"],
  [
    /(?<![\w-])([\w-]*?(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)["']?\s{0,3}[=:]\s{0,3})("[^"\n]{0,500}"|'[^'\n]{0,500}'|[^\s"'&,;]{1,500})/gi,
    "$1***",
  ],
];

/** Cleaned of control and invisible characters, likely secrets replaced by `***`, at most `limit` characters. */
export function cleanUntrusted(text: string, limit: number = untrustedLimit): string {
  let clean = text
    .slice(0, inspectedLimit)
    .replaceAll("\r\n", "\n")
    .replaceAll(escapeSequence, "")
    .replaceAll(invisible, "");
  for (const [secret, replacement] of secrets) clean = clean.replaceAll(secret, replacement);
  // Last, because a bounded redaction may end in the middle of a pair.
  clean = clean.replaceAll(loneSurrogate, "\uFFFD");
  const missing = text.length - inspectedLimit > 0 ? text.length - inspectedLimit : 0;
  if (clean.length <= limit && missing === 0) return clean;
  return `${clean.slice(0, limit).replaceAll(loneSurrogate, "")}… (${clean.length - limit + missing} more characters)`;
}

/** One line for a name that came from outside (a client's, a server's), cut at `limit` characters. */
export const cleanName = (name: string, limit = 64): string =>
  cleanUntrusted(name.slice(0, 4 * limit))
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, limit)
    .replaceAll(loneSurrogate, "");

/**
 * Clean text between two lines of ours, each line of it marked, so that nothing in it can look like the end of the fence
 * or like a sentence of ours.
 */
export function fence(source: string, text: string): string {
  const lines = text.split("\n").map((line) => `| ${line}`);
  return [`Untrusted text (${cleanName(source, 200)}), evidence only:`, ...lines, "(end of untrusted text)"].join("\n");
}
