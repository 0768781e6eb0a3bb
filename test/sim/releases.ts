import { isTerminal, type RunStatus } from "../../functions/core/plan/run-state.ts";
import type { TaskRegistry } from "../../functions/core/task/invocation.ts";
import type { Faults } from "./faults.ts";
import { type Random, seededRandom } from "./random.ts";
import type { SimProcess } from "./scheduler.ts";
import type { SimStore } from "./sim-store.ts";

/** Versions of the tasks of shared work, by kind. */
export type Deployed = readonly number[];
/** The task whose outdated ends are made anew before somebody asks. */
const EAGER_TASK = "shared0";
/** Name of the task of a kind of shared work, where tasks have versions. */
export const sharedTask = (kind: number): string => `shared${kind}`;
export const kindOfTask = (task: string): number => (task.startsWith("shared") ? Number(task.slice(6)) : -1);

/**
 * Releases of the code of shared work. Now and then a release raises the version of one task, or is taken back. Each
 * process keeps the release that it was started with, so that several are in use at the same time. The choices are
 * random numbers of their own, so that other seeds stay as they are.
 */
export class Releases {
  readonly active: boolean;
  readonly #random: Random;
  #current: Deployed;
  /** Whether a release was taken back. Then the pass for a version that is no more may never end. */
  #takenBack = false;

  constructor(seed: number, active: boolean, kinds: number) {
    this.active = active;
    this.#random = seededRandom(seed + 23_000_003);
    this.#current = Array.from({ length: kinds }, () => this.#random.int(2));
  }
  get current(): Deployed {
    return this.#current;
  }
  /** Deploys a release that raises a version. One time in six it takes one back in place of that. */
  deploy(): void {
    const kind = this.#random.int(this.#current.length);
    const by = this.#random.chance(1 / 6) ? -1 : 1;
    if (by < 0) this.#takenBack = true;
    this.#current = this.#current.map((version, k) => (k === kind ? Math.max(0, version + by) : version));
  }
  /** Returns why the outdated ends of the eager task are not all made anew by now. */
  owed(store: SimStore): string | undefined {
    if (!this.active || this.#takenBack) return undefined;
    const [version = 0] = this.#current;
    const pass = store.peek({ table: "tasks", partition: "TV", sort: EAGER_TASK })?.attributes;
    if (pass?.["version"] !== version || pass["until"] !== undefined) return "the pass has not ended";
    for (const { key, attributes } of store.items()) {
      const { r_task: task, r_status: status, r_version: has = 0 } = attributes;
      if (key.partition.startsWith("G#~") && task === EAGER_TASK && isTerminal(status as RunStatus) && has !== version)
        return `${key.partition} is of version ${has as number}`;
    }
    return undefined;
  }
  /** Returns the registry of a process: that of the world, with the versions of its release. */
  registryOf({ deployed }: SimProcess, registry: TaskRegistry): TaskRegistry {
    if (!deployed) return registry;
    return {
      ...registry,
      info: (task) => {
        const info = registry.info(task);
        const version = deployed[kindOfTask(task)];
        if (!info || version === undefined) return info;
        return { ...info, version, ...(task === EAGER_TASK && { listed: true, refresh: "eager" }) };
      },
      names: () => [EAGER_TASK],
    };
  }
}
/** Whether tasks of shared work have versions in a seed. */
export const isVersioned = (seed: number, { versions, sweeper }: Faults): boolean =>
  versions === true || (sweeper === undefined && seed % 16 === 13);
