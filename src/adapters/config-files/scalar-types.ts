import type { Dialect, ScalarValue } from "./located.ts";

const nulls = new Set(["", "~", "null", "Null", "NULL"]);
const digits = (text: string): string => text.replaceAll("_", "");

/** A plain scalar by YAML 1.2's core schema (section 10.3.2). */
export function typeYaml12(text: string): ScalarValue {
  if (nulls.has(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^[-+]?\d+$/.test(text)) return Number(text);
  if (/^0o[0-7]+$/.test(text)) return Number.parseInt(text.slice(2), 8);
  if (/^0x[\dA-Fa-f]+$/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(text)) return Number(text);
  return infinity(text) ?? text;
}

function infinity(text: string): number | undefined {
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return Number.NaN;
  if (!/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return undefined;
  return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Base 60, as YAML 1.1 reads `22:22`. */
const sexagesimal = (text: string): number => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);

/**
 * A plain scalar as PyYAML's `safe_load` reads it: YAML 1.1 in its own reading (`y` and `n` are text, `1e3` is text).
 * Dates stay text.
 */
export function typeYaml11(text: string): ScalarValue {
  if (nulls.has(text)) return null;
  if (/^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/.test(text)) return true;
  if (/^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(text)) return false;
  const negative = text.startsWith("-");
  const unsigned = digits(/^[-+]/.test(text) ? text.slice(1) : text);
  // PyYAML's pattern knows no sign before a leading point.
  const number = /^[-+]\./.test(text) ? undefined : unsignedYaml11(/^[-+]/.test(text) ? text.slice(1) : text, unsigned);
  if (number !== undefined) return negative ? -number : number;
  return infinity(text) ?? text;
}

function unsignedYaml11(text: string, unsigned: string): number | undefined {
  // PyYAML fails on digits that are only underscores; they stay text here.
  if (/^0b[01_]+$/.test(text)) return whole(unsigned.slice(2), 2);
  if (/^0x[\dA-Fa-f_]+$/.test(text)) return whole(unsigned.slice(2), 16);
  if (/^0[0-7_]+$/.test(text)) return whole(unsigned, 8);
  if (/^(?:0|[1-9][\d_]*)$/.test(text)) return Number(unsigned);
  if (/^[1-9][\d_]*(?::[0-5]?\d)+$/.test(text)) return sexagesimal(unsigned);
  if (/^(?:\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?)$/.test(text)) return Number(unsigned);
  if (/^\d[\d_]*(?::[0-5]?\d)+\.[\d_]*$/.test(text)) return sexagesimal(unsigned);
  return undefined;
}

const whole = (text: string, base: number): number | undefined =>
  text === "" ? undefined : Number.parseInt(text, base);

/** A plain scalar in the reading of a file's dialect. */
export const typeScalar = (text: string, dialect: Dialect): ScalarValue =>
  dialect === "localport" ? typeYaml11(text) : typeYaml12(text);
