import { table } from "../../cli/format.ts";

/**
 * One measurement: a line that `--json` prints. Its fields beside the first two depend on the benchmark;
 * docs/performance.md explains them.
 */
export interface Line {
  readonly bench: string;
  readonly engine: string;
  readonly level?: string;
  readonly n?: number;
  readonly seconds?: number;
  readonly perSecond?: number;
  readonly [field: string]: string | number | boolean | undefined;
}

const COLUMNS: readonly { readonly field: string; readonly title: string; readonly digits?: number }[] = [
  { field: "bench", title: "bench" },
  { field: "engine", title: "engine" },
  { field: "level", title: "level" },
  { field: "n", title: "n", digits: 0 },
  { field: "seconds", title: "seconds", digits: 3 },
  { field: "perSecond", title: "per second", digits: 0 },
  { field: "cpuSeconds", title: "CPU s", digits: 2 },
  { field: "rssMb", title: "MB", digits: 0 },
  { field: "writesPerChild", title: "writes", digits: 3 },
  { field: "requestsPerChild", title: "requests", digits: 4 },
];
const SHOWN = new Set(COLUMNS.map(({ field }) => field));

/** Returns a table for people: a row of the usual columns for each line, and its other fields as `name value`. */
export function tableOf(lines: readonly Line[]): string[] {
  const rows = lines.map((line) => [...COLUMNS.map(({ field, digits }) => cell(line[field], digits)), rest(line)]);
  const columns = [
    ...COLUMNS.map(({ title, digits }) => ({ title, ...(digits !== undefined && { right: true as const }) })),
    { title: "" },
  ];
  return table(columns, rows);
}
function cell(value: Line[string], digits: number | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "number") return String(value);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 0 });
}
function rest(line: Line): string {
  return Object.entries(line)
    .filter(([field, value]) => !SHOWN.has(field) && value !== undefined)
    .map(
      ([field, value]) =>
        `${field} ${typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 3 }) : String(value)}`,
    )
    .join(", ");
}
