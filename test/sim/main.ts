import { parseArgs } from "node:util";
import { exitWhenInterrupted } from "../../cli/interrupt.ts";
import { type Batch, runSeed, type Tally } from "./campaign.ts";
import { runOverProcesses } from "./pool.ts";
import { SOUND } from "./recorded-variants.ts";
import { VARIANTS } from "./variants.ts";

const USAGE = `npm run sim -- [--runs N] [--seed S] [--variant NAME|all] [--no-sweep] [--jobs K] [--processes P]
npm run sim -- --trace SEED [--variant NAME]     every call of one run, and what became of it

Runs the engine on simulated ports, seed by seed. Exits 1 when the protocol broke a promise, or when a broken variant was not caught.`;

function readOptions(): { values: { [name: string]: string | boolean | undefined } } {
  return parseArgs({
    options: {
      runs: { type: "string", default: "2000" },
      seed: { type: "string", default: "1" },
      variant: { type: "string" },
      "no-sweep": { type: "boolean", default: false },
      jobs: { type: "string" },
      processes: { type: "string" },
      trace: { type: "string" },
      all: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
}
function whole(text: string | boolean | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a whole number, not ${String(text)}`);
  return value;
}

async function main(): Promise<number> {
  const { values } = readOptions();
  if (values["help"]) {
    console.log(
      `${USAGE}\n\nVariants:\n${Object.entries(VARIANTS)
        .map(([name, { removes }]) => `  ${name.padEnd(34)} ${removes}`)
        .join("\n")}`,
    );
    return 0;
  }
  const jobs = whole(values["jobs"], "jobs");
  const variant = values["variant"] as string | undefined;
  if (variant !== undefined && variant !== "all" && !VARIANTS[variant])
    throw new Error(`unknown variant ${variant}; --help lists them`);
  const common = { noSweep: values["no-sweep"] === true, ...(jobs !== undefined && { jobs }) };
  const traced = whole(values["trace"], "trace");
  if (traced !== undefined) return trace(traced, { ...common, ...(variant !== undefined && { variant }) });

  const batch: Batch = {
    from: whole(values["seed"], "seed") ?? 1,
    runs: whole(values["runs"], "runs") ?? 2_000,
    ...common,
  };
  const processes = whole(values["processes"], "processes");
  const run = (of: Batch): Promise<Tally> =>
    runOverProcesses(of, { ...(processes !== undefined && { processes }), progress: progressLine(of) });
  if (variant === undefined) return report("recommended", await run(batch), true);
  let worst = 0;
  for (const name of variant === "all" ? Object.keys(VARIANTS) : [variant]) {
    const tally = await run({ ...batch, variant: name, untilCaught: values["all"] !== true && !SOUND.includes(name) });
    worst = Math.max(worst, report(name, tally, SOUND.includes(name)));
  }
  return worst;
}

async function trace(seed: number, options: Pick<Batch, "variant" | "noSweep" | "jobs">): Promise<number> {
  const simulation = await runSeed(seed, options, (line) => console.log(line));
  for (const { kind, detail } of simulation.violations) console.log(`seed ${seed}: ${kind}: ${detail}`);
  return simulation.violations.length > 0 ? 1 : 0;
}

let startedAt = performance.now();
function progressLine({ runs, variant }: Batch): (tally: Tally) => void {
  startedAt = performance.now();
  let last = startedAt;
  let shown = 0;
  return (tally) => {
    for (; shown < tally.caught.length; shown++) {
      const { seed, kind, detail } = tally.caught[shown] as Tally["caught"][number];
      console.error(`  seed ${seed}: ${kind}: ${detail}`);
    }
    if (performance.now() - last < 3_000) return;
    last = performance.now();
    console.error(
      `${variant ?? "recommended"}: ${tally.runs} of ${runs} runs, ${tally.caught.length} violations, ${perSecond(tally.runs)} runs/s`,
    );
  };
}
function perSecond(runs: number): string {
  return ((runs * 1_000) / Math.max(1, performance.now() - startedAt)).toFixed(1);
}
/** Prints the result and returns the exit code. */
function report(name: string, tally: Tally, mustBeClean: boolean): number {
  const kinds = new Map<string, number>();
  for (const { kind } of tally.caught) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  console.log(
    `${name}: ${tally.runs} runs, ${tally.caught.length} violations, ${perSecond(tally.runs)} runs/s, ${tally.steps} calls`,
  );
  for (const [kind, count] of kinds) console.log(`  ${kind}: ${count}`);
  for (const { seed, kind, detail } of tally.caught.slice(0, 20))
    console.log(`  seed ${seed}: ${kind}: ${detail.slice(0, 400)}`);
  console.log(
    `  ${Object.entries(tally.stats)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([stat, count]) => `${stat} ${count}`)
      .join(", ")}`,
  );
  if (mustBeClean) return tally.caught.length > 0 ? 1 : 0;
  if (tally.caught.length === 0) console.log(`  NOT CAUGHT: ${VARIANTS[name]?.removes}`);
  return tally.caught.length > 0 ? 0 : 1;
}

exitWhenInterrupted();
process.exitCode = await main();
