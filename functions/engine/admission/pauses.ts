import { parseQueueName } from "../../core/names/queue-name.ts";
import { type PauseTarget, pauseText } from "../../core/pause.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { ActivePause, Context, Pauses } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { isPaused, queryPauses } from "../items/pause-items.ts";
import { queueOf } from "../plan/step-placement.ts";
import type { Ports } from "../ports.ts";

/**
 * Remembers for a short while what is paused beside jobs. So one read serves all runs of a process that start
 * meanwhile, and a run may start so long after a pause. What is remembered is as old as the beginning of its read.
 */
export class PauseCache implements Pauses {
  readonly #ports: Pick<Ports, "store" | "clock">;
  readonly #cacheMs: number;
  #read: { readonly at: number; readonly pauses: ReturnType<Pauses["list"]> } | undefined;

  constructor(ports: Pick<Ports, "store" | "clock">, cacheMs: number) {
    this.#ports = ports;
    this.#cacheMs = cacheMs;
  }
  list(): ReturnType<Pauses["list"]> {
    const now = this.#ports.clock.now();
    if (this.#read && this.#read.at > now - this.#cacheMs) return this.#read.pauses;
    const read = { at: now, pauses: this.#query() };
    this.#read = read;
    // A read that failed is repeated by whoever asks next.
    read.pauses.catch(() => {
      if (this.#read === read) this.#read = undefined;
    });
    return read.pauses;
  }
  forget(): void {
    this.#read = undefined;
  }
  async #query(): ReturnType<Pauses["list"]> {
    const pauses = await queryPauses(this.#ports);
    return new Map(pauses.filter(isPaused).map((pause) => [pauseText(pause.target), pause]));
  }
}

/** Returns whether any run of a group may be paused. When false, no run needs to be checked. */
export async function mayBePaused(context: Context, header: Header): Promise<boolean> {
  return isPaused(header) || (await context.pauses.list()).size > 0;
}
/** Returns the pauses that hold a run now. `header` is that of its group, as `readGate` returns it. */
export async function pausesOf(
  context: Context,
  header: Header,
  { task, queue }: { readonly task: string; readonly queue: string },
): Promise<readonly ActivePause[]> {
  const ofJob: readonly ActivePause[] = isPaused(header)
    ? [{ target: { kind: "job", name: header.jobId }, pause: header.pause as string }]
    : [];
  const pauses = await context.pauses.list();
  if (pauses.size === 0) return ofJob;
  const { site } = parseQueueName(queue, { site: context.config.site });
  const targets: readonly PauseTarget[] = [
    { kind: "queue", name: queue },
    { kind: "site", name: site },
    { kind: "task", name: task },
  ];
  return [...ofJob, ...targets.flatMap((target) => pauses.get(pauseText(target)) ?? [])];
}
/**
 * Returns the target of the pause because of which a step must not start now. A run that several pauses hold is parked
 * for the first one, and meets the others when that one ends.
 */
export async function pausedBy(context: Context, header: Header, step: TaskStep): Promise<PauseTarget | undefined> {
  const [first] = await pausesOf(context, header, { task: step.task, queue: queueOf(context, step) });
  return first?.target;
}
