import type { Job } from "../functions/client/index.ts";
import type { InventoryReport } from "../functions/tasks/inventory/index.ts";
import { cutStart, formatBytes, formatCount, formatCounted, formatDuration, oneLine, table } from "./format.ts";
import { doneRuns } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** What `npm run demo -- --json` prints: the job's value, between facts about the job. */
export interface DemoReport extends InventoryReport {
  readonly job: string;
  readonly state: string;
  readonly runs: number;
  readonly seconds: number;
}

/** Returns undefined when the job ended without a report. */
export function demoReport(job: Job): DemoReport | undefined {
  if (job.value === undefined || job.endedAt === undefined) return undefined;
  const seconds = (job.endedAt - job.createdAt) / 1_000;
  return {
    job: job.jobId,
    state: job.state,
    ...(job.value as unknown as InventoryReport),
    runs: doneRuns(job),
    seconds,
  };
}

export interface Screen {
  readonly paint: Terminal["paint"];
  readonly columns: number;
  /** Rows of the screen. Undefined when stdout is no screen, so nothing has to fit. */
  readonly rows: number | undefined;
}
interface Cut {
  readonly width: number;
  /** Lines of each list. */
  readonly lines: number;
}
const MOST_LINES = 10;
const LEAST_LINES = 3;
/** Rows that are not lines of lists. A report usually has three lists. */
const OTHER_ROWS = 16;

/** Returns a report as lines for people, cut to what fits on a screen. */
export function demoLines(report: DemoReport, { paint, columns, rows }: Screen): string[] {
  const lines =
    rows === undefined ? MOST_LINES : Math.max(LEAST_LINES, Math.min(MOST_LINES, Math.floor((rows - OTHER_ROWS) / 3)));
  const cut = { width: columns - 2, lines };
  return [
    ...totalLines(report, paint),
    ...section(paint("bold", "By extension"), extensionLines(report, cut)),
    ...section(paint("bold", "Largest"), largestLines(report, cut)),
    ...section(paint("bold", "Duplicates"), duplicateLines(report, cut)),
    ...section(paint("yellow", `Failures: ${formatCount(report.failuresTotal)}`), failureLines(report, cut)),
  ];
}

function totalLines(
  { files, directories, bytes, links, special, runs, seconds }: DemoReport,
  paint: Terminal["paint"],
): string[] {
  const found = [
    `${paint("bold", formatCount(files))} ${files === 1 ? "file" : "files"} in ${formatCounted(directories, "directory", "directories")}`,
    paint("bold", formatBytes(bytes)),
    ...(links > 0 ? [`${formatCounted(links, "link")} not followed`] : []),
    ...(special > 0 ? [`${formatCounted(special, "special file")} not opened`] : []),
  ];
  const speed = seconds > 0 ? `, ${formatCount(files / seconds)} files/s, ${formatBytes(bytes / seconds)}/s` : "";
  return [found.join(", "), `${formatCounted(runs, "run")} in ${formatDuration(seconds)}${speed}`];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}
function more(all: number, shown: number): string[] {
  return all > shown ? [`... and ${formatCount(all - shown)} more (--json lists them)`] : [];
}

function extensionLines({ byExtension, extensionsTotal }: DemoReport, { width, lines }: Cut): string[] {
  const shown = Object.entries(byExtension).slice(0, lines);
  if (shown.length === 0) return [];
  const rows = shown.map(([extension, { files, bytes }]) => [
    oneLine(extension, 20) || "(none)",
    formatCount(files),
    formatBytes(bytes),
  ]);
  return [
    ...table([{ title: "EXTENSION" }, { title: "FILES", right: true }, { title: "SIZE", right: true }], rows, width),
    ...more(extensionsTotal, shown.length),
  ];
}

function largestLines({ largest }: DemoReport, { width, lines }: Cut): string[] {
  return largest
    .slice(0, lines)
    .map(({ path, bytes }) => `${formatBytes(bytes).padStart(9)}  ${shownPath(path, width - 11)}`);
}

function duplicateLines({ duplicates, duplicatesTotal }: DemoReport, { width, lines }: Cut): string[] {
  const { groups, wastedBytes } = duplicatesTotal;
  if (groups === 0) return [];
  const shown = duplicates.slice(0, lines);
  const listed = shown.map(({ bytes, paths, pathsOmitted = 0 }) => {
    const times = `x ${formatCount(paths.length + pathsOmitted)}`.padEnd(7);
    return `${formatBytes(bytes).padStart(9)} ${times} ${shownPath(paths[0] ?? "", width - 18)}`;
  });
  return [
    `${formatCounted(groups, "content is", "contents are")} stored more than once: ${formatBytes(wastedBytes)} too many`,
    ...listed,
    ...more(groups, shown.length),
  ];
}

function failureLines({ failures, failuresTotal }: DemoReport, { width, lines }: Cut): string[] {
  const shown = failures.slice(0, lines);
  const listed = shown.map(
    ({ path, reason }) =>
      `${oneLine(reason, 30).padEnd(12)}  ${shownPath(path, width - Math.max(12, reason.length) - 2)}`,
  );
  return [...listed, ...more(failuresTotal, shown.length)];
}

function shownPath(path: string, width: number): string {
  return cutStart(oneLine(path), Math.max(20, width));
}
