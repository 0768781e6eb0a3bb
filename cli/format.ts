/** Formats for people. Every function is pure and the same in every locale, so printed texts can be searched for. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return minutes < 2 * 1440 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1440)} d`;
}

/** Formats a number of events by second. Slow ones are told by minute or hour. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond >= 9.95) return `${formatCount(perSecond)}/s`;
  if (perSecond >= 0.1) return `${perSecond.toFixed(1)}/s`;
  return perSecond * 60 >= 0.1 ? `${(perSecond * 60).toFixed(1)}/min` : `${(perSecond * 3_600).toFixed(1)}/h`;
}
/** Formats a share of 1 in percent. It rounds down, so that only the whole is 100 %. */
export function formatShare(share: number): string {
  const tenths = Math.floor(share * 1_000) / 10;
  return `${tenths === 100 || tenths === 0 ? tenths : tenths.toFixed(1)} %`;
}

/** Formats dollars. Amounts below ten cents keep two significant digits. */
export function formatDollars(dollars: number): string {
  if (dollars >= 0.1)
    return `$${dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (dollars <= 0) return "$0";
  return `$${dollars.toFixed(Math.min(12, 1 - Math.floor(Math.log10(dollars))))}`;
}

/** Returns a count with its noun: `1 file`, `2 files`. */
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/**
 * Returns foreign text (file names, error messages) as one harmless line. Control characters would move the cursor or
 * do worse, so they are written as escapes.
 */
export function oneLine(text: string, width = Number.POSITIVE_INFINITY): string {
  const short = text.length > 4 * width ? text.slice(0, 4 * width) : text;
  const escaped = short.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escapeCharacter);
  return cut(escaped, width);
}
function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 1 ? "…".slice(0, Math.max(0, width)) : `${text.slice(0, width - 1)}…`;
}
/** Cuts the start, because the end of a path says more. */
export function cutStart(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(text.length - Math.max(0, width - 1))}`;
}

export interface Column {
  readonly title: string;
  readonly right?: true;
}
/** The least width of a column of text. A column of numbers, and the first one, which has ids, are never cut. */
const LEAST_COLUMN = 8;
const GAP = 2;
/**
 * Returns the widths at which the columns fit: the widest ones of text give way first. Where even that is too wide, the
 * line is cut at its end.
 */
function fitted(widths: readonly number[], columns: readonly Column[], room: number): number[] {
  const fit = [...widths];
  for (;;) {
    const over = fit.reduce((sum, width) => sum + width, GAP * (fit.length - 1)) - room;
    if (over <= 0) return fit;
    const yielding = fit.map((width, k) => (k > 0 && columns[k]?.right === undefined && !isId(columns[k]) ? width : 0));
    const widest = yielding.indexOf(Math.max(...yielding));
    const next = Math.max(0, ...yielding.filter((_, k) => k !== widest));
    const least = Math.max(LEAST_COLUMN, columns[widest]?.title.length ?? 0);
    if ((yielding[widest] ?? 0) <= least) return fit;
    fit[widest] = Math.max(least, Math.min((fit[widest] as number) - 1, next), (fit[widest] as number) - over);
  }
}
/** Ids are copied, so they stay whole. */
const isId = (column: Column | undefined): boolean => /^(JOB|RUN|NEWEST RUN|EXAMPLE|ID)$/.test(column?.title ?? "");
/** Aligns columns under a title line, so that they fit into the width. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const titles = columns.map((column) => column.title);
  const natural = columns.map((_, index) =>
    [titles, ...rows].reduce((most, row) => Math.max(most, (row[index] ?? "").length), 0),
  );
  const widths = width === Number.POSITIVE_INFINITY ? natural : fitted(natural, columns, width);
  const cellOf = (row: readonly string[], index: number): string => cut(row[index] ?? "", widths[index] ?? 0);
  return [titles, ...rows].map((row) =>
    cut(
      columns
        .map((column, index) =>
          column.right
            ? cellOf(row, index).padStart(widths[index] ?? 0)
            : cellOf(row, index).padEnd(widths[index] ?? 0),
        )
        .join("  ")
        .trimEnd(),
      width,
    ),
  );
}
