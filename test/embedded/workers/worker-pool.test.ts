import { describe, expect, it } from "vitest";
import type { Terms } from "../../../functions/embedded/loop/message-loop.ts";
import { TIMING } from "../../../functions/embedded/settings.ts";
import { WorkerPool } from "../../../functions/embedded/workers/worker-pool.ts";
import type { WorkerProcess } from "../../../functions/embedded/workers/worker-process.ts";

/** A process without a process: the fields that the pool reads, and the terms that it was given. */
class Process {
  readyAt: number | undefined;
  terms: Terms | undefined;
  stall: { readonly run: string } | undefined;
  stalledBy: { readonly task: string; readonly since: number } | undefined;
  reserved = false;
  worn = false;
  serve(terms: Terms): void {
    this.terms = terms;
  }
  rest(): void {
    this.terms = undefined;
  }
  get helps(): boolean {
    return this.terms !== undefined && !this.stall && !this.reserved;
  }
}
const ALL: Terms = { alone: true, notOf: [] };

function start(seats: number, first?: number) {
  const processes: Process[] = [];
  const retired: Process[] = [];
  const pool = new WorkerPool(
    seats,
    () => {
      processes.push(new Process());
      return processes.at(-1) as unknown as WorkerProcess;
    },
    (worker) => void retired.push(worker as unknown as Process),
    first,
  );
  const arrange = (mostStarts?: number): void => pool.arrange(0, mostStarts);
  /** All processes that were started become ready. */
  const ready = (): void => {
    for (const process of processes) {
      process.readyAt ??= 1;
      arrange();
    }
  };
  const end = (process: Process | undefined): void => {
    pool.remove(process as unknown as WorkerProcess);
    processes.splice(processes.indexOf(process as Process), 1);
    arrange();
  };
  const stall = (process: Process | undefined, task: string): void => {
    (process as Process).stall = { run: "job.0" };
    pool.noteBlocking(task, 0);
    arrange();
  };
  const seated = (): (Process | undefined)[] => pool.seats.map(({ worker }) => worker as unknown as Process);
  return { pool, processes, retired, arrange, ready, end, stall, seated };
}

describe("the processes of a runtime", () => {
  it("every seat has a process before a spare is started", () => {
    const { processes, arrange, ready } = start(2);
    arrange();
    expect(processes).toHaveLength(2);
    ready();
    expect(processes).toHaveLength(3);
    expect(processes.map(({ terms }) => terms)).toEqual([ALL, ALL, undefined]);
  });

  it("of the seats that begin without a process each gets one when the pool grows, and only then is there a spare", () => {
    const { pool, processes, arrange, ready, seated } = start(3, 1);
    arrange();
    ready();
    ready();
    expect(processes.map(({ terms }) => terms)).toEqual([ALL]);
    pool.grow();
    arrange();
    expect(processes).toHaveLength(3);
    ready();
    expect(seated()).not.toContain(undefined);
    expect(processes.map(({ terms }) => terms)).toEqual([ALL, ALL, ALL, undefined]);
  });

  it("a seat whose process has ended is given the spare at once, and a new spare is started", () => {
    const { processes, arrange, ready, end, seated } = start(2);
    arrange();
    ready();
    ready();
    const [first, , spare] = processes;
    end(first);
    expect(seated()).toContain(spare);
    expect(processes).toHaveLength(3);
  });

  it("a spare stands in while no seat can start a run, without the tasks that stall processes", () => {
    const { processes, arrange, ready, stall } = start(1);
    arrange();
    ready();
    ready();
    const [seat, spare] = processes;
    stall(seat, "slow");
    expect(spare?.terms).toEqual({ alone: false, notOf: ["slow"] });
    (seat as Process).stall = undefined;
    arrange();
    expect(spare?.terms).toBeUndefined();
  });

  it("a seat that a run has for itself is stood in for, too", () => {
    const { processes, arrange, ready } = start(1);
    arrange();
    ready();
    ready();
    const [seat, spare] = processes;
    (seat as Process).reserved = true;
    arrange();
    expect(spare?.terms).toMatchObject({ alone: false });
  });

  it("the last spare takes no seat while tasks are known to stall processes", () => {
    const { processes, arrange, ready, stall, end, seated } = start(1);
    arrange();
    ready();
    ready();
    const [seat, spare] = processes;
    stall(seat, "slow");
    end(seat);
    expect(seated()).toEqual([undefined]);
    expect(spare?.terms).toMatchObject({ notOf: ["slow"] });
    ready();
    expect(seated()).not.toContain(spare);
    expect(seated()).not.toContain(undefined);
  });

  it("a task is forgotten after a while", () => {
    const { pool, processes, arrange, ready, stall, end, seated } = start(1);
    arrange();
    ready();
    ready();
    const [seat, spare] = processes;
    stall(seat, "slow");
    end(seat);
    pool.arrange(TIMING.blockingTaskMs);
    expect(seated()).toEqual([spare]);
  });

  it("processes that stall are bounded in number, and those too many are retired", () => {
    const { processes, retired, arrange, ready, stall } = start(1);
    arrange();
    for (let k = 0; k < 10; k++) {
      ready();
      for (const process of processes) if (process.terms) stall(process, `task ${k}`);
    }
    expect(processes).toHaveLength(4);
    for (const process of processes) process.stall = undefined;
    arrange();
    expect(retired).toHaveLength(2);
  });

  it("a renewal retires every process at once, and new ones take the seats, however many old ones go on", () => {
    const { pool, processes, retired, arrange, ready, seated } = start(2);
    arrange();
    ready();
    ready();
    for (let times = 1; times <= 4; times++) {
      const before = processes.splice(0);
      pool.renew();
      arrange();
      expect(retired).toEqual(expect.arrayContaining(before));
      expect(before.every(({ terms }) => terms === undefined)).toBe(true);
      expect(pool.renewing).toBe(true);
      ready();
      expect(pool.renewing).toBe(false);
      ready();
      expect(processes).toHaveLength(3);
      expect(before).not.toContain(seated()[0]);
      expect(seated()).not.toContain(undefined);
    }
  });

  it("a worn process serves until a spare has its seat, then leaves, and still counts as one of the processes", () => {
    const { pool, processes, retired, arrange, ready, end, seated } = start(1);
    arrange();
    ready();
    const [seat, spare] = processes as [Process, Process];
    seat.worn = true;
    spare.readyAt = undefined;
    arrange();
    expect(seated()).toEqual([seat]);
    ready();
    expect([seated(), retired]).toEqual([[spare], [seat]]);
    expect(pool.all).toContain(seat);
    arrange();
    expect(retired).toEqual([seat]);
    end(seat);
    expect(pool.all).not.toContain(seat);
    expect(processes).toHaveLength(2);
  });

  it("a worn spare leaves when it rests", () => {
    const { processes, retired, arrange, ready, seated } = start(1);
    arrange();
    ready();
    ready();
    const [seat, spare] = processes as [Process, Process];
    seat.reserved = true;
    arrange();
    spare.worn = true;
    arrange();
    expect([seated(), retired]).toEqual([[seat], []]);
    seat.reserved = false;
    arrange();
    expect(retired).toEqual([spare]);
  });

  it("no more processes are started than are allowed", () => {
    const { processes, arrange } = start(4);
    arrange(1);
    expect(processes).toHaveLength(1);
    arrange(0);
    expect(processes).toHaveLength(1);
  });
});
