/**
 * ISO 8601 to the second with the offset of a time zone (IANA name; unknown: UTC; absent: this machine's own):
 * `2026-11-23T09:48:02+01:00`.
 */
export function isoInZone(atMs: number, timeZone?: string): string {
  const offsetMinutes = zoneOffsetMinutes(atMs, timeZone);
  const local = new Date(atMs + offsetMinutes * 60_000).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${local}Z`;
  const sign = offsetMinutes < 0 ? "-" : "+";
  const [hours, minutes] = [Math.trunc(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
  return `${local}${sign}${twoDigits(hours)}:${twoDigits(minutes)}`;
}

/** How long, for people: `0.4 s`, `12 s`, `5 min`, `2 h 10 min`, `3 d 4 h`. */
export function humanDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.trunc(hours / 24)} d ${hours % 24} h`;
}

const agePattern = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d)$/;
const ageUnitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const clockPattern = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;

/**
 * A moment as people write it: ISO 8601, an age (`1h`, `90s`), or a clock time (`10:02`) in the zone (absent: this machine's own), the
 * last one that passed. Epoch milliseconds; `undefined` for anything else.
 */
export function parseMoment(text: string, nowMs: number, timeZone?: string): number | undefined {
  const trimmed = text.trim();
  const age = agePattern.exec(trimmed);
  if (age) return nowMs - Number(age[1]) * (ageUnitsMs[age[2] ?? "s"] ?? 1000);
  const clock = clockPattern.exec(trimmed);
  if (clock) return lastClockTime(clock, nowMs, timeZone);
  if (!/^\d{4}-\d{2}-\d{2}/.test(trimmed)) return undefined;
  const parsed = Date.parse(trimmed);
  return Number.isNaN(parsed) ? undefined : parsed;
}

const dayMs = 86_400_000;

function lastClockTime(clock: RegExpExecArray, nowMs: number, timeZone: string | undefined): number | undefined {
  const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const offsetMs = zoneOffsetMinutes(nowMs, timeZone) * 60_000;
  const midnightMs = Math.floor((nowMs + offsetMs) / dayMs) * dayMs - offsetMs;
  const todayMs = midnightMs + ((hours * 60 + minutes) * 60 + seconds) * 1000;
  const guessMs = todayMs > nowMs ? todayMs - dayMs : todayMs;
  // Since then the clocks may have been put forward or back.
  return guessMs + offsetMs - zoneOffsetMinutes(guessMs, timeZone) * 60_000;
}

function zoneOffsetMinutes(atMs: number, timeZone: string | undefined): number {
  if (timeZone === "UTC") return 0;
  // Without the tables of Intl, which cost memory.
  if (timeZone === undefined) return -new Date(atMs).getTimezoneOffset();
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
    const name = format.formatToParts(atMs).find((part) => part.type === "timeZoneName")?.value ?? "";
    const match = /GMT([+-])(\d{2}):(\d{2})/.exec(name);
    return match ? (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) : 0;
  } catch {
    return 0;
  }
}

const twoDigits = (value: number): string => String(value).padStart(2, "0");
