import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { isGroupStep, type PlanStep, type TaskStep } from "../../core/plan/plan.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import { quiet } from "../concurrently.ts";
import { follow } from "../follow/follow.ts";
import type { FollowItem, MarkItem, Reserve, StartedStep } from "../follow/work-list.ts";
import { bulkOf } from "../admission/bulk-pool.ts";
import { pausedBy } from "../admission/pauses.ts";
import { gateOf } from "../groups/gate.ts";
import { isRevoked } from "../groups/revocations.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import { keepPart, type RowlessEnd } from "../items/ledger-parts.ts";
import { noteRowless } from "../jobs/progress.ts";
import { sendRuns } from "../messages/send.ts";
import { notBeforeOf, placeOf, queueOf } from "../plan/step-placement.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { declaresAny } from "../plan/shared-step.ts";
import { isSharing } from "./adopt-members.ts";
import type { ExecuteContext } from "./execute-context.ts";
import type { Report } from "./member-reports.ts";
import { runStarted } from "./run-members.ts";

interface FollowedMessage {
  /** Header of the group that the message's members belong to. */
  readonly header: Header;
  readonly loop: WorkerLoop;
  /** Number of members that the message names. */
  readonly members: number;
  /** Queue of the members that run. Undefined when none of them runs; then no next step runs in place. */
  readonly queue: string | undefined;
}

/**
 * Follows up the runs of a message in as few passes as possible.
 *
 *     idle -> gathering (a run has ended; others may end soon) -> following -> idle
 *
 * A pass gathers for `followDelayMs`, or until every member of the message is reported. While one pass follows, the
 * next may gather. A pass may create one next step that this process can run. That step runs in place, and a later pass
 * follows it up.
 */
export class FollowPasses {
  /** Members that must be delivered again, with the seconds until then. */
  readonly later = new Map<number, number>();
  readonly #context: ExecuteContext;
  readonly #message: FollowedMessage;
  readonly #passes: Promise<void>[] = [];
  readonly #startedAt: number;
  #unreported: number;
  #ended: Run[] = [];
  #rowless: RowlessEnd[] = [];
  #gathering = false;
  /** Ends the gathering immediately. */
  #endGathering: () => void = () => undefined;
  #stepsInPlace = 0;

  constructor(context: ExecuteContext, message: FollowedMessage) {
    this.#context = context.patient;
    this.#message = message;
    this.#unreported = message.members;
    this.#startedAt = context.clock.now();
  }

  add(reports: readonly Report[]): void {
    this.#unreported -= reports.length;
    for (const { ref, outcome } of reports) {
      if (outcome.kind === "later") this.later.set(ref.index, outcome.delaySeconds);
      else this.#gather(outcome);
    }
    if (this.#unreported <= 0) this.#endGathering();
  }
  /**
   * Resolves when all added reports are followed up. Throws the first failure of a pass after all passes have ended.
   */
  async done(): Promise<void> {
    const failures: unknown[] = [];
    // A pass that runs a step in place adds another one while it is awaited here.
    for (const pass of this.#passes) await pass.catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  #gather(outcome: MemberOutcome): void {
    if (outcome.kind === "ended") this.#ended.push(outcome.run);
    else if (outcome.kind === "rowless") this.#rowless.push(outcome.end);
    else return;
    if (this.#gathering) return;
    this.#gathering = true;
    this.#passes.push(quiet(this.#pass()));
  }
  async #pass(): Promise<void> {
    await this.#gathered();
    const runs = this.#ended.splice(0);
    const rowless = this.#rowless.splice(0);
    this.#gathering = false;
    for (const started of await this.#follow(runs, rowless)) await this.#runInPlace(started);
  }
  async #gathered(): Promise<void> {
    if (this.#unreported <= 0) return Promise.resolve(); // runs that end in the same tick still join the pass
    const { clock, config } = this.#context;
    const reported = new Promise<void>((resolve) => {
      this.#endGathering = resolve;
    });
    return Promise.race([clock.pause(config.followDelayMs), reported]);
  }
  async #follow(runs: readonly Run[], rowless: readonly RowlessEnd[]): Promise<readonly StartedStep[]> {
    const items: FollowItem[] = runs.map((run) => ({ kind: "run", run }));
    if (rowless.length === 0) return follow(this.#context, items, { reserve: this.#reserve() });
    items.push(await this.#markOf(rowless));
    const noted = quiet(noteRowless(this.#context, this.#message.header, rowless));
    const started = await follow(this.#context, items, { reserve: this.#reserve() });
    await noted;
    return started;
  }
  /** Returns the mark of members without rows. Their values are stored before the mark that names them. */
  async #markOf(members: readonly RowlessEnd[]): Promise<MarkItem> {
    const { header } = this.#message;
    const { width } = this.#context.config;
    const part = await keepPart(this.#context, header, members);
    return {
      kind: "mark",
      at: { gid: header.gid, round: header.round, level: 1, node: leafOf((members[0] as RowlessEnd).index, width) },
      height: header.height,
      marks: new Map(members.map(({ index, counts }) => [localIndex(index, width), counts])),
      owned: ownedBy(header),
      part,
    };
  }

  /** Runs a step in place. The step gets a message of its own only when it must run again later. */
  async #runInPlace(started: StartedStep): Promise<void> {
    this.#stepsInPlace++;
    const { run, step, reservation } = started;
    let laterSeconds: number | undefined;
    try {
      for await (const reports of runStarted(this.#context, this.#message.loop, started)) {
        for (const { outcome } of reports) {
          if (outcome.kind === "later") laterSeconds = outcome.delaySeconds;
          else this.#gather(outcome);
        }
      }
    } finally {
      reservation.release();
    }
    if (laterSeconds !== undefined)
      await sendRuns(this.#context, [{ ...run, ...placeOf(this.#context, step), delaySeconds: laterSeconds }], 1);
  }
  /** Reserves a slot for at most one step per pass. */
  #reserve(): Reserve {
    let used = false;
    return async (ref, step) => {
      if (used || !this.#mayRunInPlace(step)) return undefined;
      // The runs being followed up were read a while ago, so the group is checked again.
      const gate = await gateOf(this.#context, ref.gid);
      if (gate.kind !== "go" || (await isRevoked(this.#context, gate.header, ref))) return undefined;
      if (await pausedBy(this.#context, gate.header, step as TaskStep)) return undefined;
      const slot = this.#message.loop.tryTakeSlot((step as TaskStep).task);
      if (!slot) return undefined;
      used = true;
      return { token: this.#context.ids.token(), release: () => slot.release() };
    };
  }
  #mayRunInPlace(step: PlanStep): boolean {
    const { config, clock, registry } = this.#context;
    if (
      isGroupStep(step) ||
      isSharing(this.#context, { step }) ||
      bulkOf(this.#context, step) !== undefined ||
      declaresAny(this.#context, step) ||
      this.#message.queue !== queueOf(this.#context, step) ||
      notBeforeOf(step, clock.now()) !== undefined
    )
      return false;
    if (this.#stepsInPlace >= config.inPlaceSteps || clock.now() - this.#startedAt > config.inPlaceSeconds * 1_000)
      return false;
    const info = registry.info(step.task);
    if (!info || !(registry.has?.(step.task) ?? true)) return false;
    const { limit } = this.#message.loop;
    // The loop gives no attempt more than limit.seconds.
    return (
      !limit || clock.now() + Math.min(step.options?.timeout ?? info.timeoutSeconds, limit.seconds) * 1_000 <= limit.at
    );
  }
}
