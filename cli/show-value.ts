import type { Client, Job, Json, ResultEntry } from "../functions/client/index.ts";
import { formatCount, oneLine } from "./format.ts";
import { callAs } from "./repository.ts";
import type { Terminal } from "./terminal.ts";

const SHOWN_RESULTS = 10;
const SHOWN_CHARACTERS = 10_000;

/** What came out of an ended job: its value, or the first results of its group. */
export async function showValue(client: Client, job: Job, terminal: Terminal): Promise<void> {
  if (job.error !== undefined) {
    const { name, message, runId } = job.error;
    terminal.say(`${terminal.paintStatus("red", oneLine(`${name}: ${message}`, 2_000))}\n  in run ${runId}`);
  }
  if (job.value !== undefined) return terminal.print(`${valueText(job.value)}\n`);
  let shown = 0;
  for await (const entry of client.results(job.jobId)) {
    if (shown === SHOWN_RESULTS) {
      terminal.say(`... the first ${formatCount(SHOWN_RESULTS)}; all: ${callAs()} results ${job.jobId}`);
      return;
    }
    shown++;
    await terminal.print(`${resultLine(entry, terminal)}\n`);
  }
}

function valueText(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
  return text.length <= SHOWN_CHARACTERS ? text.replaceAll(/[^\P{Cc}\n\t]/gu, "\uFFFD") : `${oneLine(text, SHOWN_CHARACTERS)}\n(cut; --json gives all)`;
}

export function resultLine(entry: ResultEntry, terminal: Terminal): string {
  const start = `${String(entry.index).padStart(6)}  ${entry.status.padEnd(9)}  `;
  const text = entry.error === undefined ? JSON.stringify(entry.value ?? null) : `${entry.error.name}: ${entry.error.message}`;
  const line = `${start}${oneLine(text, Math.max(20, terminal.columns() - start.length))}`;
  return entry.error === undefined ? line : terminal.paint("red", line);
}
