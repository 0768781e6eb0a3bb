import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hasEnded } from "../../functions/client/index.ts";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import { type Runtime, startRuntime } from "../../functions/embedded/runtime.ts";
import { chainOfChords, nestedInBody, nestedInHeader, runsOf, type Wire } from "../engine/chord-shapes.ts";

/**
 * Measures the memory of composed chords on the embedded engine. For each shape and number of chords it prints a line
 * of JSON. The line says how far RssAnon rises above its value after a warm-up, in MB, for the engine's process and for
 * the larger worker. RssAnon is the memory of the process itself, without the database's map. The single ones do as
 * much work without the depth: chords, or a chord and its body chord, one job after the other. Every measurement has a
 * runtime of its own. Linux only.
 *
 *     npx tsx test/bench/canvas-memory.ts
 */
const SHAPES: { readonly [name: string]: (chords: number) => readonly Wire[] } = {
  singleChords: (chords) => Array.from({ length: chords }, () => chainOfChords(1, WIDTH)),
  chainOfChords: (chords) => [chainOfChords(chords, WIDTH)],
  nestedInHeader: (chords) => [nestedInHeader(chords, WIDTH)],
  // Each member of a chord that is a body receives the results of the header before it.
  singlePairs: (pairs) => Array.from({ length: pairs }, () => nestedInBody(2, WIDTH)),
  nestedInBody: (chords) => [nestedInBody(chords, WIDTH)],
};
const SIZES: { readonly [name: string]: readonly number[] } = {
  singleChords: [3, 6, 12],
  chainOfChords: [3, 6, 12],
  nestedInHeader: [2, 4, 8],
  singlePairs: [1, 3, 7],
  nestedInBody: [2, 4, 8],
};
const WIDTH = 100;
const REPEATS = 3;
const EVERY_MS = 25;
const WARM_UPS = 10;

/** Megabytes above the base. */
interface Rise {
  readonly engine: number;
  readonly worker: number;
}

const [shape, chords] = process.argv.slice(2);
if (shape === undefined) measureAll();
else console.log(JSON.stringify(await measure(SHAPES[shape]?.(Number(chords)) ?? [])));

function measureAll(): void {
  for (const [name, sizes] of Object.entries(SIZES))
    for (const size of sizes) {
      const rises = Array.from({ length: REPEATS }, () => apart(name, String(size)));
      const [engine, worker] = [median(rises.map((each) => each.engine)), median(rises.map((each) => each.worker))];
      console.log(JSON.stringify({ shape: name, chords: size, width: WIDTH, engine, worker }));
    }
}
function apart(...given: readonly string[]): Rise {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), ...given];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Rise;
}
/** Rounds to a tenth. */
function median(values: readonly number[]): number {
  return Math.round((values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0) * 10) / 10;
}

/** Runs the canvases one after the other. */
async function measure(canvases: readonly Wire[]): Promise<Rise> {
  const dataFolder = mkdtempSync(join(tmpdir(), "fanfold-memory-"));
  const runtime = await startRuntime({
    dataFolder,
    tasksModule: fileURLToPath(new URL("../engine/chord-shapes.ts", import.meta.url)),
    workers: 2,
  });
  try {
    for (let k = 0; k < WARM_UPS; k++) await run(runtime, chainOfChords(1, WIDTH));
    const workers = (await runtime.stats()).workers.flatMap(({ pid }) => pid ?? []);
    const memory = (): Rise => ({
      engine: anonymousMegabytes(process.pid),
      worker: Math.max(...workers.map(anonymousMegabytes)),
    });
    const base = memory();
    const rise = { engine: 0, worker: 0 };
    const onLook = (): void => {
      const now = memory();
      rise.engine = Math.max(rise.engine, now.engine - base.engine);
      rise.worker = Math.max(rise.worker, now.worker - base.worker);
    };
    for (const canvas of canvases) await run(runtime, canvas, onLook);
    return rise;
  } finally {
    await runtime.stop({ graceSeconds: 0 });
    rmSync(dataFolder, { recursive: true, force: true });
  }
}
async function run({ engine }: Runtime, canvas: Wire, onLook: () => void = () => undefined): Promise<void> {
  const { jobId } = await engine.submit({ canvas: parseCanvas(canvas) });
  for (;;) {
    onLook();
    const job = await engine.job(jobId);
    if (job !== undefined && hasEnded(job)) {
      if (job.counts.success !== runsOf(canvas))
        throw new Error(`${job.counts.success} of ${runsOf(canvas)} runs succeeded`);
      return;
    }
    await pause(EVERY_MS);
  }
}
function anonymousMegabytes(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024;
}
