import type { Json } from "../../functions/core/json.ts";
import type { Executions } from "../../functions/engine/ports.ts";
import { type MemoryExecution, MemoryExecutions } from "../../functions/testing/ports/memory-executions.ts";
import type { Faults } from "./faults.ts";
import type { Complaints } from "./reference.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import type { Shape } from "./shape.ts";
import type { SimQueue } from "./sim-queue.ts";

/** As ScriptRunner makes it. */
interface ExecutionInput {
  readonly value: string;
  readonly ends: "succeeds" | "fails";
}
type Started = Awaited<ReturnType<Executions["start"]>>;

/** State machines: executions end when the seed says so, and of their ends the platform tells the engine's queue, if that message is not lost. */
export class SimExecutions {
  readonly all = new MemoryExecutions();
  readonly #world: {
    readonly scheduler: Scheduler;
    readonly queue: SimQueue;
    readonly shape: Shape;
    readonly faults: Faults;
  };
  readonly #complaints: Complaints;
  /** The group that waits, by the name of its execution: noted when its header is written. */
  readonly #groups = new Map<string, string>();
  readonly #starters = new Map<string, SimProcess>();

  constructor(world: { scheduler: Scheduler; queue: SimQueue; shape: Shape; faults: Faults }, complaints: Complaints) {
    this.#world = world;
    this.#complaints = complaints;
  }

  headerWritten(gid: string, execution: string): void {
    this.#groups.set(execution, gid);
  }
  start(process: SimProcess, machine: string, name: string, input: Json): Started {
    const { scheduler, shape, faults } = this.#world;
    const gid = this.#groups.get(name);
    const header = gid === undefined ? undefined : shape.header(gid);
    const owner = header?.joins === undefined ? undefined : shape.rowOf(header.joins);
    const standing = this.all.all.get(name);
    // While its job is collected, and after that, nothing is known any more: what stands was seen to be committed when it began.
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

  /** One that runs, whichever it is, ends as its input says. `told`: the platform says so. `awaited`: only one whose group is undecided. */
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
   * None runs for a run that has ended. Left over may be only what was started by a process that died before it could look again, after everybody else had
   * come to an end with it.
   */
  leftOver(): string | undefined {
    return this.all.running().find(({ name }) => this.#starters.get(name)?.alive !== false)?.name;
  }
}

export function outputOf(value: Json): Json {
  return { made: value };
}
