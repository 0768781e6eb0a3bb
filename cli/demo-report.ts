import type { Job, Json, JsonObject } from "../functions/client/index.ts";
import { cutStart, formatBytes, formatCount, formatDuration, oneLine, table } from "./format.ts";
import { doneRuns } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** What `npm run demo -- --json` prints: the value of the job, and the facts of the job itself. */
export interface DemoReport {
  readonly job: string;
  readonly state: string;
  readonly [name: string]: Json;
}

export function demoReport(job: Job): DemoReport {
  const value = isObject(job.value) ? job.value : {};
  const seconds = ((job.endedAt ?? job.createdAt) - job.createdAt) / 1_000;
  return { job: job.jobId, state: job.state, ...(value as object), runs: doneRuns(job), seconds };
}

const SHOWN = 10;

/** The same for people, cut to what fits on a screen. */
export function demoLines(report: DemoReport, terminal: Pick<Terminal, "paint" | "columns">): string[] {
  const { paint } = terminal;
  const width = terminal.columns();
  const { files, directories, bytes, seconds, runs } = numbers(report);
  const title = (text: string): string => paint("bold", text);
  const failures = listOf(report["failures"]);
  const failed = typeof report["failures"] === "number" ? report["failures"] : failures.length;
  return [
    `${title(formatCount(files))} files in ${formatCount(directories)} directories, ${title(formatBytes(bytes))}`,
    `${formatCount(runs)} runs in ${formatDuration(seconds)}${seconds > 0 ? `, ${formatBytes(bytes / seconds)}/s` : ""}`,
    ...section(title("By extension"), extensionLines(report["byExtension"], width)),
    ...section(title("Largest"), largestLines(report["largest"], width)),
    ...section(title("Duplicates"), duplicateLines(report["duplicates"], width)),
    ...section(failed === 0 ? "" : paint("yellow", `Failures: ${formatCount(failed)}`), failureLines(failures, width)),
  ];
}

function numbers(report: DemoReport) {
  const read = (name: string): number => (typeof report[name] === "number" ? report[name] : 0);
  return { files: read("files"), directories: read("directories"), bytes: read("bytes"), seconds: read("seconds"), runs: read("runs") };
}
function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}
function more(all: number): string[] {
  return all > SHOWN ? [`... and ${formatCount(all - SHOWN)} more`] : [];
}

function extensionLines(byExtension: Json | undefined, width: number): string[] {
  const rows = isObject(byExtension) ? Object.entries(byExtension).map(([extension, sums]) => ({ extension, ...sumsOf(sums) })) : [];
  const sorted = rows.toSorted((a, b) => b.bytes - a.bytes || b.files - a.files);
  const shown = sorted.slice(0, SHOWN).map((row) => [oneLine(row.extension || "(none)", 20), formatCount(row.files), formatBytes(row.bytes)]);
  if (shown.length === 0) return [];
  return [...table([{ title: "EXTENSION" }, { title: "FILES", right: true }, { title: "SIZE", right: true }], shown, width - 2), ...more(sorted.length)];
}
function sumsOf(sums: Json): { files: number; bytes: number } {
  const { files, bytes } = isObject(sums) ? sums : { files: sums, bytes: 0 };
  return { files: Number(files ?? 0), bytes: Number(bytes ?? 0) };
}

function largestLines(largest: Json | undefined, width: number): string[] {
  return listOf(largest)
    .slice(0, SHOWN)
    .map((file) => `${formatBytes(Number(file["bytes"] ?? 0)).padStart(9)}  ${path(file["path"], width - 13)}`);
}

function duplicateLines(duplicates: Json | undefined, width: number): string[] {
  const groups = listOf(duplicates).map((group) => ({ bytes: Number(group["bytes"] ?? 0), paths: Array.isArray(group["paths"]) ? group["paths"] : [] }));
  const wasted = (group: { bytes: number; paths: readonly Json[] }): number => group.bytes * (group.paths.length - 1);
  const sorted = groups.toSorted((a, b) => wasted(b) - wasted(a));
  const total = sorted.reduce((sum, group) => sum + wasted(group), 0);
  if (sorted.length === 0) return [];
  return [
    `${formatCount(sorted.length)} contents are stored more than once, ${formatBytes(total)} could be saved`,
    ...sorted
      .slice(0, SHOWN)
      .map((group) => `${formatBytes(group.bytes).padStart(9)} x ${String(group.paths.length).padEnd(4)} ${path(group.paths[0], width - 19)}`),
    ...more(sorted.length),
  ];
}

function failureLines(failures: readonly JsonObject[], width: number): string[] {
  const lines = failures.slice(0, SHOWN).map((failure) => {
    const reason = oneLine(textOf(failure["reason"] ?? failure["message"]), 40);
    return `${path(failure["path"], width - reason.length - 4)}  ${reason}`;
  });
  return [...lines, ...more(failures.length)];
}

function path(value: Json | undefined, width: number): string {
  return cutStart(oneLine(textOf(value)), Math.max(20, width));
}
function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}
function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}
function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
