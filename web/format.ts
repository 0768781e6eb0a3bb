/** Formats for people: numbers in full, times of this machine, foreign text made harmless. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}
/** Says how long it is until a time, or since it. */
export function formatDistance(at: number, now = Date.now()): string {
  return at >= now ? `in ${formatDuration(at - now)}` : `${formatDuration(now - at)} ago`;
}
/** Dollars. Amounts below ten cents keep two significant digits. */
export function formatDollars(dollars: number): string {
  if (dollars >= 0.1)
    return `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return dollars <= 0 ? "$0" : `$${dollars.toFixed(Math.min(12, 1 - Math.floor(Math.log10(dollars))))}`;
}
export function formatRate(perSecond: number): string {
  return `${perSecond >= 10 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1)}/s`;
}

const two = (n: number): string => String(n).padStart(2, "0");
/** A time of day, with the date unless it is today. */
export function formatTime(at: number, now = Date.now()): string {
  const time = new Date(at);
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return new Date(now).toDateString() === time.toDateString() ? clock : `${formatDay(time)} ${clock}`;
}
function formatDay(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}
/** A time in full, down to the millisecond. */
export function formatExact(at: number): string {
  const time = new Date(at);
  return `${formatDay(time)} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * Returns foreign text with its control characters as escapes. They would be invisible, or turn the direction of what
 * follows. Line ends and tabs stay.
 */
export function visible(text: string): string {
  return text.toWellFormed().replaceAll(/[^\P{Cc}\t\n]|\p{Cf}|[\u2028\u2029]/gu, escape);
}
/** Returns the same in one line. */
export function visibleLine(text: string, length = 300): string {
  const short = text.length > length ? `${text.slice(0, length)}…` : text;
  return visible(short).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
