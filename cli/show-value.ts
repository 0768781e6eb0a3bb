import type { Client, Job, Json, ResultEntry } from "../functions/client/index.ts";
import { formatCount, oneLine } from "./format.ts";
import { further } from "./repository.ts";
import type { Terminal } from "./terminal.ts";

const SHOWN_RESULTS = 10;
const SHOWN_LINES = 40;
const SHOWN_CHARACTERS = 300;

/** Prints the result of an ended job: its value, or the first results of its group. */
export async function showValue(client: Client, job: Job, terminal: Terminal, data: string): Promise<void> {
  if (job.error !== undefined) {
    const { name, message, runId } = job.error;
    terminal.say(
      `${terminal.paintStatus("red", oneLine(`${name}: ${message}`, 2_000))}${runId === "" ? "" : `\n  in run ${runId}`}`,
    );
  }
  if (job.value !== undefined) return terminal.print(`${valueText(job.value)}\n`);
  let shown = 0;
  for await (const entry of client.results(job.jobId)) {
    if (shown === SHOWN_RESULTS) {
      terminal.say(`... the first ${formatCount(SHOWN_RESULTS)}; all: ${further(data, `results ${job.jobId}`)}`);
      return;
    }
    shown++;
    await terminal.print(`${resultLine(entry, terminal)}\n`);
  }
}

/** Says how to retry a job in which something failed. A retry knows runs, so it is none where only items failed. */
export function sayRetry({ jobId, state, error }: Job, terminal: Terminal, data: string): void {
  if (error?.name === "ItemsFailed")
    terminal.say("no run failed, so there is nothing to retry: start a job for the items that failed");
  else if (state === "failure") terminal.say(`retry what failed: ${further(data, `retry ${jobId}`)}`);
}

/** Returns pretty JSON, or text as it is, cut to a screen. */
function valueText(value: Json): string {
  const lines = (typeof value === "string" ? value : JSON.stringify(value, undefined, 2)).split("\n");
  const shown = lines.slice(0, SHOWN_LINES).map((line) => oneLine(line, SHOWN_CHARACTERS));
  return [
    ...shown,
    ...(lines.length > SHOWN_LINES
      ? [`... ${formatCount(lines.length - SHOWN_LINES)} more lines; --json gives all`]
      : []),
  ].join("\n");
}

export function resultLine(entry: ResultEntry, terminal: Terminal): string {
  const start = `${String(entry.index).padStart(6)}  ${entry.status.padEnd(9)}  `;
  const text =
    entry.error === undefined ? JSON.stringify(entry.value ?? null) : `${entry.error.name}: ${entry.error.message}`;
  const line = `${start}${oneLine(text, Math.max(20, terminal.columns() - start.length))}`;
  return entry.error === undefined ? line : terminal.paint("red", line);
}
