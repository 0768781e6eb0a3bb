import type { Json } from "../../functions/core/json.ts";
import type { Executions, Item } from "../../functions/engine/ports.ts";
import { type MemoryExecution, MemoryExecutions } from "../../functions/testing/ports/memory-executions.ts";
import type { Faults } from "./faults.ts";
import type { Complaints } from "./reference.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import type { Shape } from "./shape.ts";
import type { SimQueue } from "./sim-queue.ts";

/** The input that ScriptRunner gives to an execution. */
interface ExecutionInput {
  readonly value: string;
  readonly ends: "succeeds" | "fails";
}
type Started = Awaited<ReturnType<Executions["start"]>>;

/**
 * Simulated state machines. Executions end when the seed says so. The platform reports each end to the engine's queue,
 * but this message may be lost.
 */
export class SimExecutions {
  readonly all = new MemoryExecutions();
  readonly #world: {
    readonly scheduler: Scheduler;
    readonly queue: SimQueue;
    readonly shape: Shape;
    readonly faults: Faults;
  };
  readonly #complaints: Complaints;
  /** The waiting group by the name of its execution, recorded when the group's header is written. */
  readonly #groups = new Map<string, string>();
  readonly #starters = new Map<string, SimProcess>();

  constructor(world: { scheduler: Scheduler; queue: SimQueue; shape: Shape; faults: Faults }, complaints: Complaints) {
    this.#world = world;
    this.#complaints = complaints;
  }

  /** Notes the header of a group that waits for an execution. */
  written({ key, attributes }: Item): void {
    const { execution, memberCount } = attributes;
    if (key.table !== "callbacks" || typeof execution !== "string") return;
    this.#groups.set(execution, key.partition.slice(2));
    const runs = this.all.all.get(execution);
    if (memberCount !== undefined && runs && !runs.end) this.#complaints.bad("answered-before-its-end", execution);
  }
  start(process: SimProcess, machine: string, name: string, input: Json): Started {
    const { scheduler, shape, faults } = this.#world;
    const gid = this.#groups.get(name);
    const header = gid === undefined ? undefined : shape.header(gid);
    const owner = header?.joins === undefined ? undefined : shape.rowOf(header.joins);
    const standing = this.all.all.get(name);
    // Once its job is being collected, the header and owner may be missing. A standing execution was already checked
    // when it began.
    if (!standing && (gid === undefined || (header && (!owner || owner.joins !== gid))))
      this.#complaints.bad("execution-of-uncommitted-attempt", name);
    if (standing && faults.namelessExecutions) this.#complaints.bad("executed-twice", name);
    const started = this.all.begin(machine, name, input);
    if (!standing) {
      scheduler.count("executions");
      this.#starters.set(name, process);
    }
    return started;
  }

  /**
   * Ends a running execution as its input says. `told` sends the platform's message. `awaited` picks only an execution
   * whose group is undecided.
   */
  endOne(told: boolean, awaited: boolean): void {
    const running = this.all.running().filter(({ name }) => !awaited || this.#isAwaited(name));
    if (running.length > 0) this.#end(this.#world.scheduler.random.pick(running), told);
  }
  someAwaited(): boolean {
    return this.all.running().some(({ name }) => this.#isAwaited(name));
  }
  #isAwaited(name: string): boolean {
    return this.#world.shape.header(this.#groups.get(name) ?? "")?.outcome === undefined;
  }
  #end(execution: MemoryExecution, told: boolean): void {
    const { scheduler, queue } = this.#world;
    const { value, ends } = execution.input as unknown as ExecutionInput;
    execution.end = ends === "fails" ? { failed: { error: "SimFailed", cause: value } } : { output: outputOf(value) };
    scheduler.note(() => `execution ${execution.name} ends: ${ends}`);
    if (told)
      queue.send(
        { queue: "engine", jobId: "", body: { v: 1, kind: "executionEnded", execution: execution.name } },
        scheduler.now,
      );
  }

  /**
   * Returns an execution that still runs although its run has ended. Ignores one whose starter died before it could
   * check again, because all other work had ended by then.
   */
  leftOver(): string | undefined {
    return this.all.running().find(({ name }) => this.#starters.get(name)?.alive !== false)?.name;
  }
}

export function outputOf(value: Json): Json {
  return { made: value };
}
