import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { checkPages } from "../../functions/embedded/lmdb/lmdb-pages.ts";
import { foldersOf } from "../../functions/embedded/settings.ts";
import { NOTHING } from "../../functions/tasks/inventory/chunk.ts";
import { cutChunks } from "../../functions/tasks/inventory/cut-chunks.ts";
import { walkFolder } from "../../functions/tasks/inventory/walk-folder.ts";
import { seededRandom } from "../sim/random.ts";
import { type DemoEnd, type DemoProcess, startDemo } from "./demo-process.ts";
import { Ledger } from "./ledger.ts";
import { readRecorded } from "./recorded.ts";

export interface KillOptions {
  readonly folder: string;
  /** Folder for both data folders and the trace. It is outside of `folder`. */
  readonly workFolder: string;
  readonly kills: number;
  readonly seed: number;
  readonly onLine: (line: string) => void;
}
export interface KillReport {
  readonly kills: number;
  readonly chunks: number;
  readonly digestsRecorded: number;
  /** Problems that were found. The test passes when there are none. */
  readonly problems: readonly string[];
}

const TASKS = fileURLToPath(new URL("./traced-tasks.ts", import.meta.url));
const FILES_PER_CHUNK = 2;
/** Milliseconds until a task must begin, the report at full speed included. */
const PROGRESS_MS = 120_000;
/** Time of the slowed walk, as a multiple of the time of all lives that are killed in it. */
const SLOWER = 1.4;

/**
 * Kills every process of one inventory again and again, then lets it end, and compares it with an undisturbed one.
 * After each kill, the rows say what was recorded, and the trace says what began afterwards.
 */
export async function killInventory({ folder, workFolder, kills, seed, onLine }: KillOptions): Promise<KillReport> {
  const undisturbed = await endOf(startDemo({ folder, dataFolder: join(workFolder, "undisturbed") }), onLine);
  const dataFolder = join(workFolder, "killed");
  const trace = join(workFolder, "trace");
  mkdirSync(dataFolder, { recursive: true });

  const lives = livesOf(kills, seed);
  const chunks = await countChunks(folder);
  const walked = lives.reduce((sum, { phase, milliseconds }) => sum + (phase === "walk" ? milliseconds : 0), 0);
  const pace = Math.ceil((walked * SLOWER) / chunks);
  const start = (phase: Phase | undefined): DemoProcess => {
    const env = {
      FANFOLD_KILL_TRACE: trace,
      FANFOLD_KILL_CHUNK: String(FILES_PER_CHUNK),
      FANFOLD_KILL_PACE_MS: phase === "start" || phase === "walk" ? String(pace) : "0",
      FANFOLD_KILL_HOLD: phase === undefined ? "no" : "yes",
    };
    return startDemo({ folder, dataFolder, tasks: TASKS, env });
  };
  const ledger = new Ledger();
  const damage: string[] = [];
  for (const [at, { phase, milliseconds }] of lives.entries()) {
    const before = linesOf(trace).length;
    const demo = start(phase);
    if (phase !== "start")
      await progress(demo, () =>
        linesOf(trace)
          .slice(before)
          .some((line) => phase !== "report" || line.endsWith(" inventory.report")),
      );
    const early = await Promise.race([demo.ended, pause(milliseconds)]);
    if (early !== undefined) throw new Error(`the inventory ended before kill ${at + 1}: ${describe(early)}`);
    const processes = await demo.kill();
    damage.push(...damageOf(dataFolder, `after kill ${at + 1}`));
    const { runs } = await readRecorded(dataFolder, TASKS);
    ledger.afterLife(runs, linesOf(trace));
    const counts = `${ledger.recorded("inventory.digest")} digests recorded, ${ledger.begun} attempts begun`;
    onLine(`kill ${at + 1}/${kills}: ${processes} processes, ${milliseconds} ms after ${BEGINNING[phase]}; ${counts}`);
  }
  const end = await endOf(start(undefined), onLine);
  const recorded = await readRecorded(dataFolder, TASKS);
  ledger.afterLife(recorded.runs, linesOf(trace));
  damage.push(...damageOf(dataFolder, "at the end"));
  const problems = [...damage, ...ledger.problems, ...ledger.problemsAtEnd(recorded, chunks)];
  if (reportOf(end) !== reportOf(undisturbed))
    problems.push("the report differs from that of the undisturbed inventory");
  return { kills, chunks, digestsRecorded: ledger.recorded("inventory.digest"), problems };
}

/** Checks the database, because LMDB finds a page with two owners late, or never. */
function damageOf(dataFolder: string, when: string): string[] {
  const file = join(foldersOf(dataFolder).database, "state.lmdb");
  if (!existsSync(file)) return [];
  const { trees, free } = checkPages(file);
  return [...trees, ...free].map((problem) => `the database ${when}: ${problem}`);
}

/**
 * Moments at which a life is killed. They count from its start, from its first task during the walk, from its first
 * task at full speed, or from its report.
 */
type Phase = "start" | "walk" | "rush" | "report";
const BEGINNING: { readonly [phase in Phase]: string } = {
  start: "the start",
  walk: "its first task",
  rush: "its first task at full speed",
  report: "its report began",
};
interface Life {
  readonly phase: Phase;
  readonly milliseconds: number;
}
/** Four in five lives are killed in the walk, so it continues from many cursors. */
function livesOf(kills: number, seed: number): Life[] {
  const random = seededRandom(seed);
  const late = Math.ceil(kills / 10);
  return Array.from({ length: kills }, (_, at) => {
    const phase =
      at >= kills - late ? "report" : at >= kills - 2 * late ? "rush" : random.chance(0.15) ? "start" : "walk";
    return {
      phase,
      milliseconds: Math.round(phase === "start" ? 2_000 * random.next() : 100 + 1_900 * random.next() ** 2),
    };
  });
}

async function progress(demo: DemoProcess, madeProgress: () => boolean): Promise<void> {
  const deadline = performance.now() + PROGRESS_MS;
  while (!madeProgress()) {
    const end = await Promise.race([demo.ended, pause(10)]);
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

/** Returns the parts of a report that do not depend on the job. */
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
