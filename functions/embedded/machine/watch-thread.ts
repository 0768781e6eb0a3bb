import { Worker } from "node:worker_threads";

/** Taken before user code can reach it, and before it is refused to user code (contained-runner.ts). */
const kill = process.kill.bind(process);

/** Kills this process when its parent has ended. */
export function endIfOrphaned(parentPid: number): void {
  if (process.ppid !== parentPid) kill(process.pid, "SIGKILL");
}

/** What the thread writes to the parent, one line of JSON each. */
export interface WatchLine {
  /** Number of stalls so far. */
  readonly stalls: number;
  /** Set during a stall. */
  readonly stall?: Stall;
}
/** The main thread does not turn its event loop. */
export interface Stall {
  /** The id of the run whose code it executes, or empty when no run has been called since the last turn. */
  readonly run: string;
  /** Tokens of the holds whose user code has begun. Absent when there are more than the thread can tell. */
  readonly begun?: readonly string[];
}

const TICK_MS = 50;
/** Ticks without an answer after which the main thread is stalled. Ticks, since a suspended machine stalls nothing. */
const MISSED_TICKS = 5;
/** Ticks between two questions to a main thread that holds nothing, and between two signs of life. */
const IDLE_TICKS = 20;
/** Cells of numbers: answers of the main thread, stalls, bytes of the run's id, begun holds, those without a place. */
const ANSWERS = 0;
const STALLS = 1;
const RUN = 2;
const BEGUN = 3;
const UNPLACED = 4;
/** Then a place for each begun hold: the bytes of its token. */
const PLACES = 5;
const MOST_PLACES = 256;
const TOKEN_BYTES = 64;
const RUN_BYTES = 1_024;
const RUN_AT = 4 * (PLACES + MOST_PLACES);
const TOKENS_AT = RUN_AT + RUN_BYTES;
const encoder = new TextEncoder();

/**
 * A thread that watches the main thread of a worker process from within, whatever user code does there.
 *
 * - It kills this process soon after its parent has ended. An orphan cannot harm the data, since its leases are fenced,
 *   but it would keep a core busy. The parent passes its pid, because it may have ended before this process can ask.
 * - It asks the main thread for an answer. When none comes, it tells the parent which run is to blame, and which holds
 *   have begun. The main thread could tell neither, and a process that runs out of memory stalls for long before it
 *   dies.
 *
 * The two threads share memory, so a note costs no call of the system. The main thread notes that a hold begins, THEN
 * reads the number of stalls. The thread counts a stall, THEN reads what has begun. So one of them sees both. The thread
 * costs a few megabytes, and no module is loaded into it.
 */
export class WatchThread {
  readonly #cells = new SharedArrayBuffer(TOKENS_AT + MOST_PLACES * TOKEN_BYTES);
  readonly #numbers = new Int32Array(this.#cells, 0, PLACES + MOST_PLACES);
  readonly #bytes = new Uint8Array(this.#cells);
  readonly #free = Array.from({ length: MOST_PLACES }, (_, k) => k);
  /** Places of the holds that have begun. Undefined for one without a place. */
  readonly #begun = new Map<string, number | undefined>();

  constructor(parentPid: number, reportsTo: number) {
    const thread = new Worker(SOURCE, {
      eval: true,
      execArgv: [],
      env: {},
      workerData: { cells: this.#cells, parentPid, reportsTo },
      resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
    });
    thread.on("message", () => Atomics.add(this.#numbers, ANSWERS, 1));
    thread.unref();
  }
  get stalls(): number {
    return Atomics.load(this.#numbers, STALLS);
  }
  /** Notes that user code of a hold begins. */
  begin(token: string): void {
    if (this.#begun.has(token)) return;
    const place = token.length <= TOKEN_BYTES ? this.#free.pop() : undefined;
    this.#begun.set(token, place);
    if (place === undefined) Atomics.add(this.#numbers, UNPLACED, 1);
    else Atomics.store(this.#numbers, PLACES + place, this.#write(token, TOKENS_AT + place * TOKEN_BYTES, TOKEN_BYTES));
    Atomics.add(this.#numbers, BEGUN, 1);
  }
  /** Notes that a hold has ended, with the commits of its runs. */
  end(token: string): void {
    if (!this.#begun.has(token)) return;
    const place = this.#begun.get(token);
    this.#begun.delete(token);
    Atomics.sub(this.#numbers, BEGUN, 1);
    if (place === undefined) return void Atomics.sub(this.#numbers, UNPLACED, 1);
    Atomics.store(this.#numbers, PLACES + place, 0);
    this.#free.push(place);
  }
  /** Calls user code of this run. It is to blame if it does not return. */
  call<T>(runId: string, code: () => T): T {
    Atomics.store(this.#numbers, RUN, this.#write(runId, RUN_AT, RUN_BYTES));
    try {
      return code();
    } finally {
      Atomics.store(this.#numbers, RUN, 0);
    }
  }
  #write(text: string, at: number, most: number): number {
    return encoder.encodeInto(text, this.#bytes.subarray(at, at + most)).written;
  }
}

const SOURCE = `
const { parentPort, workerData: { cells, parentPid, reportsTo } } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const numbers = new Int32Array(cells, 0, ${PLACES + MOST_PLACES}), bytes = new Uint8Array(cells);
const number = (at) => Atomics.load(numbers, at);
const text = (at, length) => Buffer.from(bytes.slice(at, at + length)).toString();
let ticks = 0, asked = false, answers = 0, missed = 0;
const tell = (line) => { try { writeSync(reportsTo, JSON.stringify(line) + "\\n"); } catch {} };
const stall = () => {
  const stalls = Atomics.add(numbers, ${STALLS}, 1) + 1, begun = [];
  for (let k = 0; k < ${MOST_PLACES}; k++) {
    const length = number(${PLACES} + k);
    if (length > 0) begun.push(text(${TOKENS_AT} + k * ${TOKEN_BYTES}, length));
  }
  tell({ stalls, stall: { run: text(${RUN_AT}, number(${RUN})), ...(number(${UNPLACED}) === 0 && { begun }) } });
};
const check = () => {
  const signOfLife = ++ticks % ${IDLE_TICKS} === 0;
  if (process.ppid !== parentPid) process.kill(process.pid, "SIGKILL");
  if (asked && number(${ANSWERS}) === answers) {
    if (++missed === ${MISSED_TICKS}) stall();
    else if (signOfLife) tell(null);
    return;
  }
  if (missed >= ${MISSED_TICKS} || signOfLife) tell({ stalls: number(${STALLS}) });
  missed = 0;
  asked = number(${BEGUN}) > 0 || signOfLife;
  answers = number(${ANSWERS});
  if (asked) parentPort.postMessage(0);
};
check();
setInterval(check, ${TICK_MS});
`;
