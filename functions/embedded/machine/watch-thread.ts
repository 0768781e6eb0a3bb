import { Worker } from "node:worker_threads";

/** Taken before user code can reach it, and before it is refused to user code (contained-runner.ts). */
const kill = process.kill.bind(process);

/** Kills this process when its parent has ended. */
export function endIfOrphaned(parentPid: number): void {
  if (process.ppid !== parentPid) kill(process.pid, "SIGKILL");
}

/** What the thread writes to the parent, one line of JSON each. */
export interface WatchLine {
  /**
   * Set while the main thread does not turn its event loop. It is the id of the run whose code it executes, or empty
   * when no run has been called since the last turn.
   */
  readonly blockedBy?: string;
}

const TICK_MS = 50;
/** Ticks without an answer after which the main thread is blocked. Ticks, since a suspended machine blocks nothing. */
const MISSED_TICKS = 3;
/** Ticks between two questions to a main thread that executes no run, and between two signs of life. */
const IDLE_TICKS = 20;
const TEXT_BYTES = 1_024;
const encoder = new TextEncoder();

/**
 * A thread that watches the main thread of a worker process from within, whatever user code does there.
 *
 * - It kills this process soon after its parent has ended. An orphan cannot harm the data, since its leases are fenced,
 *   but it would keep a core busy. The parent passes its pid, because it may have ended before this process can ask.
 * - It asks the main thread for an answer, and tells the parent when none comes, and which run is to blame. The main
 *   thread could tell neither, and a process that runs out of memory is blocked for a long time before it dies.
 *
 * The two threads share memory, so naming the run costs no call of the system. The thread costs a few megabytes, and no
 * module is loaded into it.
 */
export class WatchThread {
  readonly #cells = new SharedArrayBuffer(12 + TEXT_BYTES);
  /** Answers of the main thread, bytes of the text, and runs under way. */
  readonly #numbers = new Int32Array(this.#cells, 0, 3);
  readonly #text = new Uint8Array(this.#cells, 12);

  constructor(parentPid: number, reportsTo: number) {
    const thread = new Worker(SOURCE, {
      eval: true,
      execArgv: [],
      env: {},
      workerData: { cells: this.#cells, parentPid, reportsTo },
      resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
    });
    thread.on("message", () => Atomics.add(this.#numbers, 0, 1));
    thread.unref();
  }
  /** Notes that a run has begun, or has ended. */
  count(by: 1 | -1): void {
    Atomics.add(this.#numbers, 2, by);
  }
  /** Calls user code of this run. It is to blame if it does not return. */
  call<T>(runId: string, code: () => T): T {
    Atomics.store(this.#numbers, 1, encoder.encodeInto(runId, this.#text).written);
    try {
      return code();
    } finally {
      Atomics.store(this.#numbers, 1, 0);
    }
  }
}

const SOURCE = `
const { parentPort, workerData: { cells, parentPid, reportsTo } } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const numbers = new Int32Array(cells, 0, 3), text = new Uint8Array(cells, 12);
let ticks = 0, asked = false, answers = 0, missed = 0, told;
const tell = (blockedBy) => {
  if (blockedBy === told && ticks % ${IDLE_TICKS} !== 0) return;
  try { writeSync(reportsTo, JSON.stringify({ blockedBy }) + "\\n"); told = blockedBy; } catch {}
};
const check = () => {
  ticks++;
  if (process.ppid !== parentPid) process.kill(process.pid, "SIGKILL");
  if (asked && Atomics.load(numbers, 0) === answers) {
    if (++missed >= ${MISSED_TICKS}) tell(Buffer.from(text.slice(0, Atomics.load(numbers, 1))).toString());
    return;
  }
  missed = 0;
  tell(undefined);
  asked = Atomics.load(numbers, 2) > 0 || ticks % ${IDLE_TICKS} === 0;
  answers = Atomics.load(numbers, 0);
  if (asked) parentPort.postMessage(0);
};
check();
setInterval(check, ${TICK_MS});
`;
