import type { TaskCount } from "../core/names/task-metrics.ts";
import type { Store } from "../engine/ports.ts";
import { TaskCounts } from "../host/task-counts.ts";

/** What a process has counted since its last report, as it tells its parent. */
export interface Counted {
  readonly tasks: readonly TaskCount[];
  readonly storeWrites: number;
}

/** Adds up what a process counts: of task runs, and the writes of its store. */
export class ProcessCounts {
  readonly tasks = new TaskCounts();
  storeWrites = 0;

  /** Adds what another process has counted. */
  add({ tasks, storeWrites }: Counted): void {
    for (const { metric, task, site, count } of tasks) this.tasks.add(metric, task, site, count);
    this.storeWrites += storeWrites;
  }
  /** Returns what was counted since the last call; undefined when there is nothing. */
  take(): Counted | undefined {
    const counted = { tasks: this.tasks.take(), storeWrites: this.storeWrites };
    this.storeWrites = 0;
    return counted.tasks.length > 0 || counted.storeWrites > 0 ? counted : undefined;
  }
  /** Returns a store whose writes are counted. A refused write is one, too. */
  countingWrites(store: Store): Store {
    return {
      get: (key, options) => store.get(key, options),
      getMany: (keys) => store.getMany(keys),
      query: (table, partition, options) => store.query(table, partition, options),
      queryIndex: (query) => store.queryIndex(query),
      write: (op) => {
        this.storeWrites++;
        return store.write(op);
      },
      writeMany: (ops) => {
        this.storeWrites += ops.length;
        return store.writeMany(ops);
      },
    };
  }
}
