import { ROOT_STATUS } from "../../functions/engine/items/root-row.ts";
import type { WriteOp } from "../../functions/engine/ports.ts";
import type { Faults } from "./faults.ts";
import { seededRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import { isHeader } from "./variant-parts.ts";

/**
 * Jobs of one quick task that run together: whether this seed has many of them, and what was claimed and ended by one
 * call. Only such jobs have their first rows written together.
 */
export class SoloWork {
  readonly active: boolean;
  /** Most messages that a worker handles at a time. */
  readonly mostMessages: number;
  readonly #scheduler: Scheduler;
  readonly #tokens = new Set<string>();

  constructor(seed: number, { solos }: Pick<Faults, "solos">, scheduler: Scheduler) {
    this.active = solos === true || seededRandom(seed + 31_000_003).chance(0.15);
    this.mostMessages = this.active ? 10 : 4;
    this.#scheduler = scheduler;
  }
  wrote(ops: readonly WriteOp[]): void {
    if (areSoloEnds(ops)) this.#scheduler.count("solo runs ended together", ops.length);
    if (!areSoloClaims(ops)) return;
    this.#scheduler.count("solo runs together", ops.length);
    this.#scheduler.count("solo groups");
    for (const op of ops) this.#tokens.add(setBy(op)["r_leaseOwner"] as string);
  }
  /** Returns whether a run with this token was claimed together with others. */
  isTogether(token: string): boolean {
    return this.#tokens.has(token);
  }
}

/** Whether the writes claim the first runs of several jobs. */
export const areSoloClaims = (ops: readonly WriteOp[]): boolean =>
  ops.length > 1 && ops.every((op) => isHeader(op) && setBy(op)[ROOT_STATUS] === "started");
/** Whether the writes end several jobs, each with its only run. */
export const areSoloEnds = (ops: readonly WriteOp[]): boolean =>
  ops.length > 1 && ops.every((op) => isHeader(op) && setBy(op)["r_writer"] !== undefined);
const setBy = (op: WriteOp): { readonly [name: string]: unknown } => (op.op === "update" ? (op.change.set ?? {}) : {});
