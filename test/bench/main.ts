import { Command, InvalidArgumentError } from "commander";
import { exitWhenInterrupted } from "../../cli/interrupt.ts";
import { killAll } from "../e2e/setup/processes.ts";
import { trackingLevels } from "./levels.ts";
import { machineLine } from "./machine.ts";
import { installPeers } from "./peers/install.ts";
import { type Line, tableOf } from "./report.ts";
import { removeAll, runCase } from "./run-case.ts";
import { type Ratio, ratioOf } from "./statistics.ts";

/** Default sizes of each benchmark, and the unit that `n` counts. */
const BENCHES = {
  "fan-in": { sizes: [1_000, 10_000, 100_000, 1_000_000], of: "members" },
  floor: { sizes: [100_000], of: "members" },
  chain: { sizes: [1_000], of: "steps" },
  chords: { sizes: [1_000], of: "chords of 100 members" },
  latency: { sizes: [200], of: "samples" },
  queues: { sizes: [10], of: "crowds" },
  tenants: { sizes: [10], of: "jobs of each of 19 tenants" },
  submit: { sizes: [5_000], of: "jobs" },
  jobs: { sizes: [5_000], of: "jobs of one task, submitted together" },
  "small-chords": { sizes: [1_000], of: "chords of 20 members" },
  "small-jobs": { sizes: [1_000_000], of: "members of the big job" },
  retry: { sizes: [1_000_000], of: "members, ten of which failed" },
  poison: { sizes: [40], of: "poisoned runs" },
  package: { sizes: [5], of: "starts of each program" },
  "cold-start": { sizes: [5], of: "starts of each handler" },
} as const;
type Bench = keyof typeof BENCHES;
/** What each peer runs beside ours, in a size that it can run. */
const PEERS = {
  bullmq: { "fan-in": 50_000, jobs: 5_000, "small-chords": 1_000 },
  celery: { "fan-in": 5_000 },
  dbos: { "fan-in": 1_000 },
} as const satisfies { readonly [peer: string]: { readonly [bench in Bench]?: number } };
type Peer = keyof typeof PEERS;
const COMPARED: readonly Bench[] = ["fan-in", "jobs", "small-chords"];
const PACKED = "ledger";

interface Options {
  readonly json?: true;
  readonly only?: readonly string[];
  readonly n?: number;
  readonly level?: readonly string[];
  readonly peers?: readonly Peer[] | true;
  readonly runs: number;
}
const lines: Line[] = [];
let failed = 0;

// This runs before anything else, because the code below waits until all is measured.
process.on("exit", () => {
  removeAll();
  killAll();
});
exitWhenInterrupted();

await new Command("bench")
  .description(
    `Benchmarks. Each line of --json is one measurement; docs/performance.md says what it means.\n\n${Object.entries(
      BENCHES,
    )
      .map(
        ([name, { sizes, of }]) =>
          `  ${name.padEnd(11)} n: ${of} (${sizes.map((size) => size.toLocaleString("en-US")).join(", ")})`,
      )
      .join("\n")}`,
  )
  .option("--json", "one JSON object per line instead of a table")
  .option("--only <names>", "benchmarks, with commas between them", names(Object.keys(BENCHES)))
  .option("--n <n>", "one size instead of the usual ones", whole)
  .option(
    "--level <levels>",
    `tracking levels of fan-in, with commas between them: default, ${trackingLevels().join(", ")}`,
    names(["default", ...trackingLevels()]),
  )
  .option(
    "--peers [names]",
    `only ${COMPARED.join(", ")}, beside other engines: ${Object.keys(PEERS).join(", ")}; they are installed into .bench/ once`,
    names(Object.keys(PEERS)),
  )
  .option("--runs <runs>", "each measurement so often; with --peers ours and theirs by turns", whole, 1)
  .action(async (options: Options, command: Command) => {
    if (options.peers !== undefined && options.only?.some((name) => !(COMPARED as readonly string[]).includes(name)))
      command.error(`error: with --peers there is only ${COMPARED.join(", ")}`);
    if (process.platform !== "linux")
      command.error("error: CPU time and memory are read from /proc, which only Linux has");
    emit(machineLine(), options);
    if (options.peers === undefined) await measureOurs(options);
    else await measurePeers(options, options.peers === true ? (Object.keys(PEERS) as Peer[]) : options.peers);
    if (!options.json) for (const line of tableOf(lines)) console.log(line);
    process.exitCode = failed === 0 ? 0 : 1;
  })
  .parseAsync();

async function measureOurs(options: Options): Promise<void> {
  const benches = (options.only ?? Object.keys(BENCHES)) as readonly Bench[];
  for (const bench of benches) {
    const levels = bench === "fan-in" ? (options.level ?? trackingLevels()) : ["default"];
    for (const n of options.n === undefined ? BENCHES[bench].sizes : [options.n]) {
      for (const level of levels)
        for (let run = 1; run <= options.runs; run++)
          await measure(options, { bench, engine: "fanfold", level, n, run });
    }
  }
}

/** Alternates between ours and theirs, because a disturbance of the machine then affects both. */
async function measurePeers(options: Options, peers: readonly Peer[]): Promise<void> {
  await installPeers(peers);
  const benches = (options.only ?? COMPARED) as readonly Bench[];
  for (const peer of peers) {
    const sizes: { readonly [bench in Bench]?: number } = PEERS[peer];
    for (const bench of benches)
      if (sizes[bench] !== undefined) await comparePeer(options, peer, bench, options.n ?? sizes[bench]);
  }
}
async function comparePeer(options: Options, peer: Peer, bench: Bench, n: number): Promise<void> {
  const packed = trackingLevels().filter((level) => level === PACKED);
  const levels = bench === "fan-in" ? (options.level ?? ["default", ...packed]) : ["default"];
  const pairs = new Map<string, { readonly ours: Line; readonly theirs: Line }[]>(levels.map((level) => [level, []]));
  for (let run = 1; run <= options.runs; run++) {
    const ours = new Map<string, Line | undefined>();
    for (const level of levels) ours.set(level, await measure(options, { bench, engine: "fanfold", level, n, run }));
    const theirs = await measure(options, { bench, engine: peer, n, run });
    for (const [level, line] of ours)
      if (line !== undefined && theirs !== undefined) pairs.get(level)?.push({ ours: line, theirs });
  }
  for (const [level, some] of pairs) {
    if (some.length === 0) continue;
    const by = (field: string): Ratio =>
      ratioOf(some.map(({ ours, theirs }) => ({ ours: Number(ours[field]), theirs: Number(theirs[field]) })));
    const ratio = { ...by("perSecond"), cpuRatio: by("perCpuSecond").ratio };
    emit({ bench: "ratio", engine: "fanfold", of: bench, against: peer, level, n, ...ratio }, options);
  }
}

interface What {
  readonly bench: Bench;
  readonly engine: string;
  readonly level?: string;
  readonly n: number;
  readonly run: number;
}
/**
 * Returns the first line of a case. Returns undefined when it failed, which is printed and does not stop the others.
 */
async function measure(options: Options, { run, level, ...what }: What): Promise<Line | undefined> {
  try {
    const measured = await runCase({ ...what, ...(level !== undefined && level !== "default" && { level }) });
    for (const line of measured) emit(options.runs === 1 ? line : { ...line, run }, options);
    return measured[0];
  } catch (error) {
    failed++;
    const message = error instanceof Error ? error.message : String(error);
    console.error(`${what.bench} of ${what.engine} failed: ${message}`);
    emit({ ...what, ...(level !== undefined && { level }), failed: true, message: message.split("\n")[0] }, options);
    return undefined;
  }
}
function emit(line: Line, { json }: Options): void {
  lines.push(line);
  if (json) console.log(JSON.stringify(line));
  else console.error(`${line.bench} of ${line.engine}: ${line.n ?? ""} ${line.level ?? ""}`);
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new InvalidArgumentError("a whole number from 1 is wanted");
  return Number(text);
}
function names(known: readonly string[]): (text: string) => readonly string[] {
  return (text) => {
    const given = text.split(",");
    const unknown = given.find((name) => !known.includes(name));
    if (unknown !== undefined) throw new InvalidArgumentError(`${unknown} is none of ${known.join(", ")}`);
    return given;
  };
}
