import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { FanfoldError } from "../core/errors.ts";
import type { Engine } from "../engine/contract.ts";
import type { Log } from "../host/log.ts";
import { diskErrorOf, findDiskError, LEAST_FREE_BYTES } from "./machine/disk-error.ts";

export interface DiskWatchOptions {
  /** Folders that are written to. They may be on several disks. */
  readonly folders: readonly string[];
  readonly log: Log;
  /** Called when writes become impossible, and with undefined when they are possible again. */
  readonly onChange: (problem: FanfoldError | undefined) => void;
}

/**
 * Time without a failed write after which the disk is tried. Outcomes that wait for room are tried every second or two,
 * and they come before new work.
 */
const QUIET_MS = 3_000;

/**
 * Knows whether the data folder takes writes. No user code starts while it does not, because nothing could keep its
 * result.
 *
 *     writable -> unwritable    a write of any process failed, or a look found no room
 *     unwritable -> writable    no write has failed for a while, a look finds room, and the largest value can be written
 *     any -> lost, for good     the disk lost what had been committed, so a start must read what is left
 */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #problem: FanfoldError | undefined;
  #lost = false;
  /** `performance.now()` of the last write that failed. */
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }
  /** Why nothing can be written now. */
  get problem(): FanfoldError | undefined {
    return this.#problem;
  }
  /** Notes that a write failed. */
  note(problem: FanfoldError, lost = false): void {
    this.#lost ||= lost;
    this.#failedAt = performance.now();
    this.#set(problem);
  }
  #set(problem: FanfoldError): void {
    if (this.#problem !== undefined && !this.#lost) return;
    this.#problem = problem;
    this.#options.log(
      "error",
      `no task starts and no job is accepted: ${problem.message}${this.#lost ? "" : "; work then goes on by itself"}`,
      {
        code: problem.code,
        ...problem.details,
      },
    );
    this.#options.onChange(problem);
  }
  /** Looks at the disk and returns what it found. */
  async look(): Promise<FanfoldError | undefined> {
    if (this.#lost || performance.now() - this.#failedAt < QUIET_MS) return this.#problem;
    const found = await this.#find();
    if (found !== undefined) this.#set(found);
    else if (this.#problem !== undefined) {
      this.#problem = undefined;
      this.#options.log("warn", "the data folder can be written again; work goes on");
      this.#options.onChange(undefined);
    }
    return this.#problem;
  }

  async #find(): Promise<FanfoldError | undefined> {
    for (const folder of this.#options.folders) {
      const found = await findDiskError(folder);
      if (found !== undefined) return found;
    }
    if (this.#problem === undefined) return undefined;
    // A quota, for one, does not show before something is written.
    for (const folder of this.#options.folders) {
      const found = await tryWriting(folder);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

async function tryWriting(folder: string): Promise<FanfoldError | undefined> {
  const path = join(folder, "trial");
  try {
    const file = await open(path, "w", 0o600);
    try {
      await file.writeFile(Buffer.alloc(LEAST_FREE_BYTES));
      await file.datasync();
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    return diskErrorOf(error, folder);
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** Returns the engine that takes no new work while nothing can be written. A refused call has stored nothing. */
export function refusingWork(engine: Engine, disk: Pick<DiskWatch, "problem">): Engine {
  const refusing =
    <Given extends readonly unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
    async (...given: Given): Promise<Answer> => {
      if (disk.problem !== undefined) throw disk.problem;
      return call(...given);
    };
  return {
    ...engine,
    submit: refusing((request) => engine.submit(request)),
    submitMany: refusing((requests) => engine.submitMany(requests)),
    scheduleRun: refusing((request) => engine.scheduleRun(request)),
    openJob: refusing((request) => engine.openJob(request)),
    putBlob: refusing((content, options) => engine.putBlob(content, options)),
    putItemPage: refusing((jobId, page, items) => engine.putItemPage(jobId, page, items)),
    putInputPage: refusing((jobId, page, items) => engine.putInputPage(jobId, page, items)),
  };
}
