/**
 * Local times and time zones. A local time is kept as the milliseconds that it would be in UTC, so it can be compared
 * and counted on.
 */
const formats = new Map<string, Intl.DateTimeFormat>();
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    const part = "numeric" as const;
    format = new Intl.DateTimeFormat("en-US-u-ca-iso8601-nu-latn", {
      timeZone,
      hourCycle: "h23",
      year: part,
      month: part,
      day: part,
      hour: part,
      minute: part,
      second: part,
    });
    if (formats.size >= 500) formats.clear();
    formats.set(timeZone, format);
  }
  return format;
}

/** Returns whether the platform knows a time zone by this name. An offset is no name, because it has no rules. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,99}$/.test(text)) return false;
  try {
    formatOf(text);
    return true;
  } catch {
    return false;
  }
}

const LOCAL_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/;
/** Returns a text like `2026-03-29T08:00` as a local time, and null when it is none. */
export function readLocalTime(text: string): number | null {
  const match = LOCAL_TIME.exec(text);
  if (!match) return null;
  const local = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
  // Date accepts the 30th of February as the 2nd of March.
  return Number.isNaN(local) || !new Date(local).toISOString().startsWith(text) ? null : local;
}

/** Returns the local time at an instant, in whole seconds. */
export function localTimeAt(instant: number, timeZone: string): number {
  if (timeZone === "UTC") return Math.floor(instant / 1_000) * 1_000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

const DAY = 86_400_000;
/**
 * Returns the instant of a local time. One that occurs twice, because clocks are set back, is the first of the two. One
 * that is skipped, because clocks are set forward, is the instant at which they are.
 */
export function instantOf(local: number, timeZone: string): number {
  const offsetAt = (instant: number): number => localTimeAt(instant, timeZone) - instant;
  // No zone has skipped more than a day. Offsets are less than a day themselves.
  const [before, after] = [offsetAt(local - 2 * DAY), offsetAt(local + 2 * DAY)];
  const found = [local - before, local - after].filter((instant) => localTimeAt(instant, timeZone) === local);
  if (found.length > 0) return Math.min(...found);
  let [low, high] = [local - 2 * DAY, local + 2 * DAY];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (localTimeAt(middle, timeZone) > local) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * Returns the first instant after `after` of a series of local times, where `next` returns the local time after another.
 * Skipped times share the instant at which the clocks are set forward, so they make one.
 */
export function firstInstant(
  next: (local: number) => number | undefined,
  timeZone: string,
  after: number,
): number | undefined {
  let local = next(localTimeAt(after, timeZone));
  while (local !== undefined && instantOf(local, timeZone) <= after) local = next(local);
  return local === undefined ? undefined : instantOf(local, timeZone);
}
