import type { TaskCount, TaskMetric } from "../core/names/task-metrics.ts";

/** Adds up what a process counts of task runs. */
export class TaskCounts {
  #counts = new Map<string, TaskCount>();

  add(metric: TaskMetric, task: string, site: string, by = 1): void {
    const key = `${metric} ${site} ${task}`;
    this.#counts.set(key, { metric, task, site, count: (this.#counts.get(key)?.count ?? 0) + by });
  }
  list(): readonly TaskCount[] {
    return [...this.#counts.values()];
  }
  /** Returns what was counted since the last call. */
  take(): readonly TaskCount[] {
    const counts = this.list();
    this.#counts = new Map();
    return counts;
  }
}
