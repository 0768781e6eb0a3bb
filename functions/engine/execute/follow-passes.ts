import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import { giveBack } from "../attempt/commit-attempts.ts";
import { all } from "../concurrently.ts";
import { follow } from "../follow/follow.ts";
import type { FollowItem, InPlace } from "../follow/work-list.ts";
import { gateOf } from "../groups/gate.ts";
import { isRevoked } from "../groups/revocations.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import { keepPart, type RowlessEnd } from "../items/ledger-parts.ts";
import { noteRowless } from "../jobs/progress.ts";
import { sendRuns } from "../messages/send.ts";
import { notBeforeOf, queueOf } from "../plan/step-placement.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import type { ExecuteContext } from "./execute-context.ts";
import { runStarted, type Started } from "./lanes.ts";
import type { Handled } from "./ready.ts";

/**
 * Follows the runs of a message up in as few passes as possible: a pass starts a moment after the first run ended and takes all that ended by then; when no
 * member is left it starts at once. A pass that leads to one next step, which this process may run, runs it in place and follows it in turn.
 */
export class FollowUp {
  /** The queue that the message came from; undefined: nothing of it was run, and nothing will be in its place. */
  queue: string | undefined;
  readonly #context: ExecuteContext;
  readonly #header: Header;
  readonly #loop: WorkerLoop;
  #open: number;
  #ended: Run[] = [];
  #thin: RowlessEnd[] = [];
  #pass: Promise<void> | undefined;
  readonly #passes: Promise<void>[] = [];
  #hurry: (() => void) | undefined;
  #steps = 0;
  readonly #startedAt: number;

  /** `header`: of the message's members. */
  constructor(context: ExecuteContext, header: Header, loop: WorkerLoop, members: number) {
    this.#context = context;
    this.#header = header;
    this.#loop = loop;
    this.#open = members;
    this.#startedAt = context.clock.now();
  }
  add(handled: Handled): void {
    if (handled.kind === "terminal") this.#ended.push(handled.run);
    else if (handled.kind === "thin") this.#thin.push(handled.member);
    else return;
    if (this.#pass) return;
    this.#pass = this.#start();
    this.#pass.catch(() => undefined); // it is awaited at the end
    this.#passes.push(this.#pass);
  }
  /** A member is through: one less to wait for. */
  ended(): void {
    if (--this.#open <= 0) this.#hurry?.();
  }
  /** All that follows from what was added has happened. */
  async done(): Promise<void> {
    for (let count = -1; count < this.#passes.length;) {
      count = this.#passes.length;
      await all(this.#passes);
    }
  }

  async #start(): Promise<void> {
    if (this.#open > 1) {
      await Promise.race([
        this.#context.clock.pause(this.#context.config.followDelayMs),
        new Promise<void>((resolve) => {
          this.#hurry = resolve;
        }),
      ]);
    } else await Promise.resolve(); // what ends in the same turn goes along
    const runs = this.#ended.splice(0);
    const thin = this.#thin.splice(0);
    this.#pass = undefined;
    this.#hurry = undefined;
    const started: (Started & { release(): void })[] = [];
    const items: FollowItem[] = runs.map((run) => ({ kind: "run", run }));
    if (thin.length > 0) items.push(await this.#mark(thin));
    const noted = thin.length > 0 ? noteRowless(this.#context, this.#header, thin) : undefined;
    noted?.catch(() => undefined);
    try {
      await follow(this.#context, items, "worker", this.#inPlace(started));
      await noted;
    } catch (error) {
      // The message comes again and with it whatever was created here; nobody died.
      await giveBack(this.#context, started);
      for (const each of started) each.release();
      throw error;
    }
    for (const each of started) await this.#runInPlace(each);
  }
  /** Of members without rows: their values are kept before the mark that names them. */
  async #mark(members: readonly RowlessEnd[]): Promise<FollowItem> {
    const header = this.#header;
    const { width } = this.#context.config;
    const first = (members[0] as RowlessEnd).index;
    const part = await keepPart(this.#context, header, members);
    return {
      kind: "mark",
      at: { gid: header.gid, round: header.round, level: 1, node: leafOf(first, width) },
      height: header.height,
      marks: new Map(members.map(({ index, counts }) => [localIndex(index, width), counts])),
      owned: ownedBy(header),
      part,
    };
  }
  async #runInPlace(started: Started & { release(): void }): Promise<void> {
    const { header, run, step } = started;
    let again: number | undefined;
    const settle = (_member: unknown, handled: Handled): void => {
      if (handled.kind === "later") again = handled.delaySeconds;
      else this.add(handled);
    };
    try {
      await runStarted({ context: this.#context, header, loop: this.#loop, settle }, started);
    } finally {
      started.release();
    }
    // It has no message of its own until now.
    if (again !== undefined) await sendRuns(this.#context, [{ ...run, queue: queueOf(this.#context, step), delaySeconds: again }], 1);
  }

  /** One step a pass. */
  #inPlace(started: (Started & { release(): void })[]): InPlace {
    let slot: { release(): void } | undefined;
    return {
      take: async (ref, step) => {
        if (slot || !this.#mayRun(step)) return undefined;
        // What is being followed was read a while ago.
        const gate = await gateOf(this.#context, ref.gid);
        if (gate.kind !== "go" || (await isRevoked(this.#context, gate.header, ref))) return undefined;
        slot = this.#loop.tryTakeSlot();
        return slot && { token: this.#context.ids.token(), release: () => slot?.release() };
      },
      run: (next) => {
        this.#steps++;
        started.push({ ...next, release: () => slot?.release() });
      },
    };
  }
  #mayRun(step: PlanStep): boolean {
    const { config, clock, registry } = this.#context;
    if (isGroupStep(step) || this.queue !== queueOf(this.#context, step) || notBeforeOf(step, clock.now()) !== undefined) return false;
    if (this.#steps >= config.inPlaceSteps || clock.now() - this.#startedAt > config.inPlaceSeconds * 1_000) return false;
    const info = registry.info(step.task);
    if (!info || !(registry.has?.(step.task) ?? true)) return false;
    const { limit } = this.#loop;
    // No attempt is given more than limit.seconds.
    return !limit || clock.now() + Math.min(step.options?.timeout ?? info.timeoutSeconds, limit.seconds) * 1_000 <= limit.at;
  }
}
