import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NOTHING } from "../../functions/tasks/inventory/chunk.ts";
import { cutChunks } from "../../functions/tasks/inventory/cut-chunks.ts";
import { walkFolder } from "../../functions/tasks/inventory/walk-folder.ts";
import { seededRandom } from "../sim/random.ts";
import { startDemo, type DemoEnd, type DemoProcess } from "./demo-process.ts";
import { Ledger } from "./ledger.ts";
import { readRecorded } from "./recorded.ts";

export interface KillOptions {
  readonly folder: string;
  /** For both data folders and the trace; outside of `folder`. */
  readonly workFolder: string;
  readonly kills: number;
  readonly seed: number;
  readonly onLine: (line: string) => void;
}
export interface KillReport {
  readonly kills: number;
  readonly chunks: number;
  readonly digestsRecorded: number;
  /** What must be empty. */
  readonly problems: readonly string[];
}

const TASKS = fileURLToPath(new URL("./traced-tasks.ts", import.meta.url));
const FILES_PER_CHUNK = 2;
/** So long a start may take until the first task begins. */
const PROGRESS_MS = 60_000;
/** The walk alone would take so much longer than all lives together. */
const SLOWER = 1.4;

/**
 * Kills every process of one inventory again and again, then lets it end, and compares with one that nobody disturbed. After each kill the rows say
 * what was recorded; the trace says what began afterwards.
 */
export async function killInventory({ folder, workFolder, kills, seed, onLine }: KillOptions): Promise<KillReport> {
  const undisturbed = await endOf(startDemo({ folder, dataFolder: join(workFolder, "undisturbed") }), onLine);
  const dataFolder = join(workFolder, "killed");
  const trace = join(workFolder, "trace");
  mkdirSync(dataFolder, { recursive: true });

  const random = seededRandom(seed);
  const lives = Array.from({ length: kills }, () => lifeOf(random));
  const chunks = await countChunks(folder);
  const pace = Math.ceil((lives.reduce((sum, life) => sum + (life.afterProgress ? life.milliseconds : 0), 0) * SLOWER) / chunks);
  const start = (paceMs: number): DemoProcess => {
    const env = { FANFOLD_KILL_TRACE: trace, FANFOLD_KILL_PACE_MS: String(paceMs), FANFOLD_KILL_CHUNK: String(FILES_PER_CHUNK) };
    return startDemo({ folder, dataFolder, tasks: TASKS, env });
  };
  const ledger = new Ledger();
  for (const [at, life] of lives.entries()) {
    const demo = start(pace);
    if (life.afterProgress) await progress(demo, trace, bytesOf(trace));
    const early = await Promise.race([demo.ended, pause(life.milliseconds)]);
    if (early !== undefined) throw new Error(`the inventory ended before kill ${at + 1}: ${describe(early)}`);
    const processes = await demo.kill();
    const { runs } = await readRecorded(dataFolder, TASKS);
    ledger.afterLife(runs, linesOf(trace));
    const when = `${life.milliseconds} ms after its ${life.afterProgress ? "first task" : "start"}`;
    onLine(`kill ${at + 1}/${kills}: ${processes} processes, ${when}; ${ledger.recorded("inventory.digest")} digests recorded, ${ledger.begun} attempts begun`);
  }
  const end = await endOf(start(0), onLine);
  const recorded = await readRecorded(dataFolder, TASKS);
  ledger.afterLife(recorded.runs, linesOf(trace));
  const problems = [...ledger.problems, ...ledger.problemsAtEnd(recorded, chunks)];
  if (reportOf(end) !== reportOf(undisturbed)) problems.push("the report differs from that of the undisturbed inventory");
  return { kills, chunks, digestsRecorded: ledger.recorded("inventory.digest"), problems };
}

interface Life {
  readonly milliseconds: number;
  /** Counted from the first task that begins, not from the start of the command. */
  readonly afterProgress: boolean;
}
function lifeOf(random: ReturnType<typeof seededRandom>): Life {
  const afterProgress = random.chance(0.85);
  return { afterProgress, milliseconds: Math.round(afterProgress ? 100 + 1_900 * random.next() ** 2 : 2_000 * random.next()) };
}

async function progress(demo: DemoProcess, trace: string, from: number): Promise<void> {
  const deadline = performance.now() + PROGRESS_MS;
  const early = demo.ended.then((end) => end);
  for (;;) {
    if (bytesOf(trace) > from) return;
    const end = await Promise.race([early, pause(10)]);
    if (end !== undefined) throw new Error(`the inventory ended by itself: ${describe(end)}`);
    if (performance.now() > deadline) throw new Error(`after a restart nothing began within ${PROGRESS_MS / 1_000} s`);
  }
}
async function endOf(demo: DemoProcess, onLine: (line: string) => void): Promise<DemoEnd> {
  const from = performance.now();
  const end = await demo.ended;
  if (end.code !== 0) throw new Error(`the inventory failed: ${describe(end)}`);
  onLine(`an inventory ended well after ${((performance.now() - from) / 1_000).toFixed(1)} s`);
  return end;
}
function describe({ code, signal, stdout, stderr }: DemoEnd): string {
  return `code ${code}, signal ${signal}\n${stdout.slice(0, 2_000)}\n${stderr.slice(-4_000)}`;
}

/** What does not depend on the job. */
function reportOf({ stdout }: DemoEnd): string {
  const { job: _job, runs: _runs, seconds: _seconds, ...report } = JSON.parse(stdout) as { [name: string]: unknown };
  return JSON.stringify(report);
}
async function countChunks(folder: string): Promise<number> {
  let chunks = 0;
  const visits = walkFolder(Buffer.from(folder), undefined, new AbortController().signal);
  for await (const _cut of cutChunks(visits, NOTHING, FILES_PER_CHUNK)) chunks++;
  return chunks;
}
function linesOf(trace: string): string[] {
  return existsSync(trace) ? readFileSync(trace, "utf8").split("\n").slice(0, -1) : [];
}
function bytesOf(trace: string): number {
  return existsSync(trace) ? statSync(trace).size : 0;
}
