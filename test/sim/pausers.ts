import { parseQueueName } from "../../functions/core/names/queue-name.ts";
import { type PauseAttributes, type PauseTarget, pauseText } from "../../functions/core/pause.ts";
import { jobIdOf } from "../../functions/core/plan/run-id.ts";
import type { TaskCall } from "../../functions/core/task/invocation.ts";
import type { Engine } from "../../functions/engine/contract.ts";
import { PAUSES, isPaused } from "../../functions/engine/items/pause-items.ts";
import { pauseJob } from "./clients.ts";
import type { Processes } from "./processes.ts";
import type { SimProcess } from "./scheduler.ts";
import { SIM_REGISTRY } from "./script-runner.ts";
import type { Simulation } from "./simulation.ts";
import type { AppliedWrite } from "./sim-store.ts";
import { TASKS } from "./workload.ts";

const QUEUES = ["local.default#worker", "paris.high#worker"] as const;
const TARGETS: readonly PauseTarget[] = [
  ...QUEUES.map((name) => ({ kind: "queue" as const, name })),
  { kind: "site", name: "local" },
  { kind: "site", name: "paris" },
  ...Object.values(TASKS).map((name) => ({ kind: "task" as const, name })),
];

/**
 * Clients that pause and resume, and what they may rely on: no run starts later after a pause than processes remember,
 * and what is said to be paused is held by nobody.
 */
export class Pausers {
  readonly #sim: Simulation;
  readonly #processes: Processes;
  /** What may be paused, because somebody asked for it and nobody has been told that it is resumed. */
  readonly #asked = new Map<string, PauseTarget>();
  /** The time from which on each pause holds, by the text of its target. */
  readonly #since = new Map<string, number>();

  constructor(simulation: Simulation, processes: Processes) {
    this.#sim = simulation;
    this.#processes = processes;
    simulation.world.store.watch((write) => this.#write(write));
  }

  /** Follows the pauses through every write. */
  #write({ before, after }: AppliedWrite): void {
    const key = (after ?? before)?.key;
    if (!key) return;
    const text = key.partition === PAUSES ? key.sort : key.table === "callbacks" ? jobText(key.partition) : undefined;
    if (text === undefined) return;
    const [old, now] = [before, after].map((item) => (item?.attributes ?? {}) as PauseAttributes) as [
      PauseAttributes,
      PauseAttributes,
    ];
    if (!isPaused(now)) this.#since.delete(text);
    else if (!isPaused(old) || old.pause !== now.pause) this.#since.set(text, this.#sim.scheduler.now);
  }
  /** Checks a start of user code, by the time at which a worker decided to run it. */
  started(call: TaskCall, process: SimProcess): void {
    const { oracle } = this.#sim;
    oracle.started(call, process);
    const { groupId, runId, task } = call;
    // What was revoked meanwhile is called with its signal aborted, and the sdk runs nothing of it.
    if (call.signal.aborted) return;
    const claimedAt = oracle.claimedAt(call);
    const opened = this.#sim.shape.orders.openedAbove(groupId);
    if (opened !== undefined && claimedAt > opened + this.#boundMs)
      this.#sim.bad(
        "started-below-a-decision",
        `${runId}: what is above began its round ${claimedAt - opened} ms before`,
      );
    for (const text of this.#textsOf(runId, task)) {
      const since = this.#since.get(text);
      if (since !== undefined && claimedAt > since + this.#boundMs)
        this.#sim.bad("paused-run-started", `${runId}: ${text} is paused for ${claimedAt - since} ms`);
    }
  }

  /** Pauses something, resumes something, or looks at what is paused. */
  any(): void {
    const { random } = this.#sim;
    const dice = random.next();
    if (dice < 0.3) return this.#look();
    if (dice < 0.6 && this.#asked.size > 0) return this.#resume(random.pick([...this.#asked.values()]));
    const jobs = this.#sim.jobs.flatMap(({ jobId }) =>
      jobId === undefined ? [] : [{ kind: "job", name: jobId } as const],
    );
    const target = random.chance(0.5) && jobs.length > 0 ? random.pick(jobs) : random.pick(TARGETS);
    this.#asked.set(pauseText(target), target);
    this.#sim.scheduler.count("pauses");
    this.#processes.background("client", (engine) => pauseJob(() => engine.pause(target)));
  }
  /** Resumes what is paused, one after the other, once no client is busy. Returns whether something is left. */
  calmly(): boolean {
    const [target] = this.#asked.values();
    if (target && !this.#processes.active("client")) this.#resume(target);
    return target !== undefined;
  }
  /**
   * Returns the pauses that stand. A parked message may be left: its worker has died before it read the pause again, and
   * the message came from its queue once more.
   */
  left(): readonly string[] {
    return this.#sim.world.store.peekPartition("tasks", PAUSES).map(({ key }) => key.sort);
  }

  #resume(target: PauseTarget): void {
    this.#sim.scheduler.count("resumes");
    // While clients are busy, a pause that is under way may still come after this.
    const last = this.#sim.oracle.calm && !this.#processes.active("client");
    this.#processes.background("client", async (engine) => {
      if (!(await pauseJob(() => engine.resume(target))) && last) this.#asked.delete(pauseText(target));
    });
  }
  #look(): void {
    const begun = this.#sim.scheduler.now;
    this.#processes.background("looker", async (engine) => {
      for (const text of await pausedNow(engine, this.#sim))
        for (const { runId, since } of this.#sim.leases.live()) {
          const row = this.#sim.shape.rowOf(runId);
          const from = this.#since.get(text);
          // A look that took long may have seen the pause before this one.
          if (from === undefined || from > begun || since > from + this.#boundMs) continue;
          if (this.#textsOf(runId, row?.task ?? "").includes(text))
            this.#sim.bad("paused-with-live-lease", `${text}: ${runId} is held`);
        }
      this.#sim.scheduler.count("looks at pauses");
    });
  }
  #textsOf(runId: string, task: string): readonly string[] {
    const queue = parseQueueName(SIM_REGISTRY.info(task)?.queue ?? "default", { site: "local" });
    const name = `${queue.site}.${queue.queue}#${queue.function}`;
    const targets: readonly PauseTarget[] = [
      { kind: "job", name: jobIdOf(runId) },
      { kind: "queue", name },
      { kind: "site", name: queue.site },
      { kind: "task", name: task },
    ];
    return targets.map(pauseText);
  }
  /** Milliseconds after a pause in which runs may still start: what processes remember, and clocks. */
  get #boundMs(): number {
    const { headerCacheMs = 0, pauseCacheMs = 0 } = this.#sim.settings.config;
    return Math.max(headerCacheMs, pauseCacheMs) + 2 * this.#sim.settings.skewMs;
  }
}
const jobText = (partition: string): string | undefined =>
  partition.startsWith("G#") && !partition.includes(".") ? `job:${partition.slice(2)}` : undefined;
async function pausedNow(engine: Engine, { jobs }: Simulation): Promise<readonly string[]> {
  const paused = (await engine.pauses()).filter(({ state }) => state === "paused").map(pauseText);
  for (const { jobId } of jobs)
    if (jobId !== undefined && (await engine.job(jobId))?.state === "paused") return [...paused, `job:${jobId}`];
  return paused;
}
