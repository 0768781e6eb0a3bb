import type { Protocol } from "../../core/cost/work-count.ts";
import {
  type GroupShape,
  longestPath,
  type MemberRuns,
  type StepShape,
  type StrandShape,
  tasksBelow,
} from "../../core/cost/work-shape.ts";
import type { Parents } from "../../core/dag/order.ts";
import { FanfoldError } from "../../core/errors.ts";
import {
  type GroupStep,
  isGroupStep,
  isInput,
  isPaged,
  isSingle,
  type PlanStep,
  type Strand,
  type TaskStep,
} from "../../core/plan/plan.ts";
import { limitsOf, type RunLimits } from "../../core/task/run-limits.ts";
import { ROWLESS_SAMPLE } from "../config.ts";
import type { Context } from "../context.ts";
import { declaresAny, dedupeOf } from "./shared-step.ts";
import { notBeforeOf, packSize, queueOf } from "./step-placement.ts";

/** Returns the numbers of this engine that decide how work is cut and packed. */
export function protocolOf(config: Context["config"], maxDelaySeconds: number): Protocol {
  const { width, expandRange, inPlaceSteps } = config;
  return {
    width,
    expandRange,
    packSize: (members) => packSize({ config }, members),
    maxDelaySeconds,
    inPlaceSteps,
    ledgerProgress: 1 / ROWLESS_SAMPLE,
  };
}

/** Returns the root group of a job, whose only member is the canvas. */
export function rootStep(strand: Strand): GroupStep {
  return { policy: "allSuccess", tracking: "lazy", members: [strand] };
}

/** Returns the task of a job that is one small task, which needs no plan page: its root header holds it. */
export function inlineStep(strand: Strand): TaskStep | undefined {
  return isSingle(strand) && JSON.stringify(strand[0]).length <= INLINE_STEP ? strand[0] : undefined;
}
/** Characters of JSON. A larger step would make each write of the header cost another unit. */
const INLINE_STEP = 256;

/** What a plan cannot know before it runs. */
export interface Unknowns {
  /** Tasks that stream their children. */
  readonly streaming: Set<string>;
  /** Tasks whose runs jobs share. */
  readonly shared: Set<string>;
  /** Tasks whose runs depend on others by what is declared. What their code asks for cannot be known. */
  readonly dependent: Set<string>;
  /** Tasks whose runs share calls. */
  readonly bulk: Set<string>;
  /** Number of branches. The way with more task runs is counted. */
  branches: number;
  /** Number of loops. Each is counted as often as it may run at most. */
  loops: number;
  /** Number of open groups whose members are put from outside. */
  inputs: number;
  /**
   * Number of links beside a step in the middle of its strand. A few writes depend on whether the links or the strand
   * end first.
   */
  links: number;
  /** Number of different steps with limits. It is counted that nobody has to wait. */
  limits: number;
}

/** Finds the shape of a strand. Equal parts become one object. */
export class ShapeBuilder {
  readonly unknowns: Unknowns = {
    streaming: new Set(),
    shared: new Set(),
    dependent: new Set(),
    bulk: new Set(),
    branches: 0,
    loops: 0,
    inputs: 0,
    links: 0,
    limits: 0,
  };
  readonly #context: Context;
  readonly #now: number;
  readonly #known = new Map<string, object>();
  readonly #ids = new Map<object, number>();
  readonly #plain = new Map<string, StrandShape>();
  /** Runs of user code in and below a strand. */
  readonly #tasks = new Map<StrandShape, number>();

  constructor(context: Context) {
    this.#context = context;
    this.#now = context.clock.now();
  }

  strand(strand: Strand): StrandShape {
    if (!isSingle(strand) || strand[0].options !== undefined) return this.#strand(strand);
    // Most strands are one task without options, so these have a faster cache.
    const { task } = strand[0];
    let shape = this.#plain.get(task);
    if (!shape) this.#plain.set(task, (shape = this.#strand(strand)));
    return shape;
  }
  #strand(strand: Strand): StrandShape {
    const steps = strand.map((step, k) => this.#step(step, k === strand.length - 1));
    return this.#same("s", steps, () => ({ steps }));
  }
  /** Returns the strand of a loop, whose steps run up to `times` times. */
  #repeated(strand: Strand, times: number): StrandShape {
    const steps = strand.map((step) => this.#step(step, false));
    return this.#same(`r${times}`, steps, () => ({ steps, times }));
  }
  #step(step: PlanStep, last: boolean): StepShape {
    const info = isGroupStep(step) ? undefined : this.#context.registry.info(step.task);
    if (info?.streams === true) this.unknowns.streaming.add(info.name);
    const queue = queueOf(this.#context, step);
    const notBefore = notBeforeOf(step, this.#now);
    const delaySeconds = notBefore === undefined ? 0 : Math.max(0, (notBefore - this.#now) / 1_000);
    const group = isGroupStep(step) ? this.#group(step) : undefined;
    const links = step.links && this.#group(step.links, true);
    if (links && !last) this.unknowns.links++;
    const limits = isGroupStep(step) ? undefined : limitWork(limitsOf(info?.limits, step.options));
    if (limits) this.unknowns.limits++;
    const bulk = isGroupStep(step) || step.each !== undefined ? undefined : info?.bulk;
    if (bulk) this.unknowns.bulk.add(info?.name ?? "");
    const parts = [group, links].map((part) => (part ? this.#idOf(part) : "-"));
    const errors = step.errors && { errors: true as const };
    const shared = !isGroupStep(step) && dedupeOf(this.#context, step) !== undefined;
    if (shared) this.unknowns.shared.add(step.task);
    if (!isGroupStep(step) && declaresAny(this.#context, step)) this.unknowns.dependent.add(step.task);
    const key = `t${shared ? "s" : ""}${queue}|${delaySeconds}|${parts.join()}|${step.errors ? "e" : ""}|${limits ? `${limits.writes}.${limits.reads}` : ""}|${bulk?.maxItems ?? ""}`;
    return this.#same(key, [], () => ({
      queue,
      delaySeconds,
      ...(group && { group }),
      ...(links && { links }),
      ...(shared && { shared: true as const }),
      ...(limits && { limits }),
      ...(bulk && { bulk: { maxItems: bulk.maxItems } }),
      ...errors,
    }));
  }
  #group(step: GroupStep, beside = false): GroupShape {
    const { tracking } = step;
    // Only a running task starts an execution, so no canvas has one. It would cost what an approval costs.
    if (step.wait) return this.#grouped(tracking, [], step.wait.of === "event" ? "event" : "approval");
    if (isInput(step.members)) {
      this.unknowns.inputs++;
      return this.#grouped(tracking, [], "pages");
    }
    if (isPaged(step.members)) throw new FanfoldError("internal", "the shape of a stored plan was asked for");
    const members: MemberRuns[] = [];
    const path = step.parents && this.#longest(step.parents, step.members);
    for (const shape of this.#ways(step, step.members)) {
      const before = members.at(-1);
      if (before?.strand === shape) members[members.length - 1] = { strand: shape, count: before.count + 1 };
      else members.push({ strand: shape, count: 1 });
    }
    return this.#grouped(tracking, members, "members", beside || Boolean(step.choose ?? step.repeat), path);
  }
  /** Returns the runs on the longest path through the members of a graph. A member comes after those that it follows. */
  #longest(parents: Parents, members: readonly Strand[]): number {
    const ends: number[] = [];
    for (const [index, each] of parents.entries())
      ends.push(
        longestPath(this.strand(members[index] ?? [])) + Math.max(0, ...each.map((parent) => ends[parent] ?? 0)),
      );
    return Math.max(0, ...ends);
  }
  /** Yields the strands that run: the longer way of a branch, and a loop's strand as often as it may run. */
  *#ways({ choose, repeat, parents }: GroupStep, members: readonly Strand[]): Generator<StrandShape, void, undefined> {
    if (repeat) {
      this.unknowns.loops++;
      for (const strand of members) yield this.#repeated(strand, repeat.most);
    } else if (choose) {
      this.unknowns.branches++;
      const [first = NOTHING, second = NOTHING] = members.map((strand) => this.strand(strand));
      yield tasksBelow(second, this.#tasks) > tasksBelow(first, this.#tasks) ? second : first;
    } else
      for (const [index, strand] of members.entries()) {
        const shape = this.strand(strand);
        const follows = parents?.[index]?.length ?? 0;
        yield follows === 0 ? shape : this.#same(`f${follows}`, [shape], () => ({ ...shape, follows }));
      }
  }
  #grouped(
    tracking: GroupShape["tracking"],
    members: readonly MemberRuns[],
    kind: GroupShape["kind"],
    later = false,
    path?: number,
  ): GroupShape {
    const key = members.map(({ strand, count }) => `${this.#idOf(strand)}x${count}`).join();
    return this.#same(`g${tracking}|${kind}|${later}|${path ?? ""}|${key}`, [], () => ({
      tracking,
      members,
      kind,
      ...(later && { later }),
      ...(path !== undefined && { path }),
    }));
  }

  #same<T extends object>(kind: string, parts: readonly object[], make: () => T): T {
    const key = `${kind}|${parts.map((part) => this.#idOf(part)).join()}`;
    const known = this.#known.get(key) as T | undefined;
    if (known) return known;
    const made = make();
    this.#known.set(key, made);
    return made;
  }
  #idOf(shape: object): number {
    const known = this.#ids.get(shape);
    if (known !== undefined) return known;
    this.#ids.set(shape, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/**
 * Returns the work for limits that nobody has to wait for: a lock is taken and released, and who waits is looked for. A
 * writer looks for readers before and after it is there, a reader for writers.
 */
function limitWork({ rateLimit, concurrency, locks = [] }: RunLimits): StepShape["limits"] {
  const held = locks.length + (concurrency ? 1 : 0);
  const writes = 2 * held + (rateLimit ? 1 : 0);
  return writes === 0 ? undefined : { writes, reads: held + 2 * locks.length };
}

const NOTHING: StrandShape = { steps: [] };
