import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ConfigValue, ObtainedValues } from "./read-config.ts";

/** @throws ConnectivityError `config_invalid` that names the file and the line */
export function invalidValue(keyword: string, value: ConfigValue): ConnectivityError {
  return new ConnectivityError("config_invalid", `${value.file} has a value of ${keyword} that cannot be understood`, {
    file: value.file,
    line: value.line,
    option: keyword,
  });
}

/** The first value, or what is so when the files say nothing. */
export const textOf = (obtained: ObtainedValues, keyword: string): string | undefined =>
  obtained.first(keyword)?.values[0];

/** `yes` and `no` (also `true` and `false`). */
export function flagOf(obtained: ObtainedValues, keyword: string, otherwise: boolean): boolean {
  const value = obtained.first(keyword);
  if (!value) return otherwise;
  const written = value.values[0]?.toLowerCase() ?? "";
  if (written === "yes" || written === "true") return true;
  if (written === "no" || written === "false") return false;
  throw invalidValue(keyword, value);
}

/** A whole number that is not negative. */
export function countOf(obtained: ObtainedValues, keyword: string): number | undefined {
  const value = obtained.first(keyword);
  if (!value) return undefined;
  const written = value.values[0] ?? "";
  if (!/^\d{1,9}$/.test(written)) throw invalidValue(keyword, value);
  return Number(written);
}

const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** A time of sshd_config(5), TIME FORMATS (`90`, `1m30s`), in milliseconds; `none` is `undefined`. */
export function timeOf(obtained: ObtainedValues, keyword: string): number | undefined {
  const value = obtained.first(keyword);
  if (!value) return undefined;
  const written = value.values[0]?.toLowerCase() ?? "";
  if (written === "none") return undefined;
  if (!/^(\d{1,9}[smhdw]?)+$/.test(written)) throw invalidValue(keyword, value);
  let seconds = 0;
  for (const [, count, unit] of written.matchAll(/(\d+)([smhdw]?)/g)) {
    seconds += Number(count) * (unitSeconds[unit ?? ""] ?? 0);
  }
  return seconds * 1000;
}

export type StrictHostKeyChecking = "yes" | "no" | "ask" | "accept-new";

/** `off` is `no`; `ask` when nothing is said. */
export function strictnessOf(obtained: ObtainedValues): StrictHostKeyChecking {
  const value = obtained.first("stricthostkeychecking");
  if (!value) return "ask";
  switch (value.values[0]?.toLowerCase()) {
    case "yes":
    case "true":
      return "yes";
    case "no":
    case "false":
    case "off":
      return "no";
    case "ask":
      return "ask";
    case "accept-new":
      return "accept-new";
    default:
      throw invalidValue("StrictHostKeyChecking", value);
  }
}
