import { localIndex } from "../../core/plan/ledger.ts";
import { isSingle, type Strand, type TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { isLimited } from "../../core/task/run-limits.ts";
import { mayReport } from "../jobs/reported-items.ts";
import type { Context } from "../context.ts";
import { mayBeRevoked } from "../groups/revocations.ts";
import type { Header } from "../item-kinds.ts";
import { declaresAny } from "../plan/shared-step.ts";

/**
 * Finds the members of a leaf that may be claimed without any further check. Nothing in their group is revoked. Each of
 * them is a single task that this process knows, that is due now, and that never expires. Most members are like that.
 */
export class Startable {
  readonly unclaimed: boolean;
  readonly #strands: readonly Strand[] | undefined;
  readonly #context: Context;
  readonly #members: number;
  /** The task that was last found in the registry. */
  #known = "";
  /** Whether its members are claimed at every tracking level: a lock, streamed reports, or a bulk task. */
  #claimed = false;

  constructor(context: Context, header: Header, strands: readonly Strand[] | undefined) {
    this.#context = context;
    this.#strands = mayBeRevoked(header) ? undefined : strands;
    this.#members = header.memberCount ?? 0;
    this.unclaimed = header.tracking === "result" || header.tracking === "ledger";
  }
  /** Returns the step of a member. Returns undefined when the member must be checked. */
  step({ index, stepIndex }: RunRef): TaskStep | undefined {
    const strand =
      stepIndex === 0 && index < this.#members
        ? this.#strands?.[localIndex(index, this.#context.config.width)]
        : undefined;
    if (!strand || !isSingle(strand)) return undefined;
    const [step] = strand;
    const { options } = step;
    if (options && (options.expires !== undefined || options.eta !== undefined || options.countdown !== undefined))
      return undefined;
    if (!this.#knows(step.task)) return undefined;
    if (this.unclaimed && declaresAny(this.#context, step)) return undefined;
    return this.unclaimed && (this.#claimed || (options && isLimited(options))) ? undefined : step;
  }
  #knows(task: string): boolean {
    if (task === this.#known) return true;
    const { registry } = this.#context;
    const info = registry.info(task);
    if (!info || info.stateMachine || !(registry.has?.(task) ?? true)) return false;
    this.#known = task;
    this.#claimed = info.bulk !== undefined || isLimited(info.limits) || mayReport(info);
    return true;
  }
}
