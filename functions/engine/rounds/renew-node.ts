import { isFailure, isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { currentRows, readMember } from "../items/run-reads.ts";
import type { RetryOrder } from "../requests.ts";
import { isMarked, parentsOf, unmetIn } from "../waits/nodes.ts";
import { needsRetry } from "./selection.ts";

/**
 * Returns what a member of a graph waits for in a later round, if it begins anew. It does when it has not begun, and when
 * one that it follows runs again. A round that keeps what is downstream keeps only members that did not fail. Returns
 * undefined for any other member.
 */
export async function unmetAgain(
  context: Context,
  header: Header,
  index: number,
  order: RetryOrder,
): Promise<readonly string[] | undefined> {
  const parents = await parentsOf(context, header, index);
  if (parents.length === 0) return undefined;
  const [first] = await readMember(context, header.gid, index);
  const begun = first !== undefined && first.status !== "deferred" && hasBegun(first);
  const isKept = begun && order.keepDownstream && !(await failsFirst(context, header, first, order));
  const again = !begun || (!isKept && (await new Rerun(context, header, order).any(parents)));
  return again ? unmetIn(context, header, parents) : undefined;
}

/** One that was cancelled or revoked before what it follows had ended has not. */
const hasBegun = ({ startedAt, joins, adopts }: Run): boolean => (startedAt ?? joins ?? adopts) !== undefined;

/** Whether a round takes up the first run of a member because it failed, and not what lies below it. */
const failsFirst = async (context: Context, header: Header, first: Run, order: RetryOrder): Promise<boolean> =>
  isFailure(first.status) && (await needsRetry(context, header, first, order));

/** Finds which members of a graph run again in a round. Each is asked about once. */
class Rerun {
  readonly #context: Context;
  readonly #header: Header;
  readonly #order: RetryOrder;
  readonly #known = new Map<number, Promise<boolean>>();

  constructor(context: Context, header: Header, order: RetryOrder) {
    this.#context = context;
    this.#header = header;
    this.#order = order;
  }
  async any(members: readonly number[]): Promise<boolean> {
    for (const index of members) if (await this.#one(index)) return true;
    return false;
  }
  #one(index: number): Promise<boolean> {
    const known = this.#known.get(index) ?? this.#find(index);
    this.#known.set(index, known);
    return known;
  }
  /** One that the ledger lacks has begun the round, or needs it, or has ended well and was only not marked. */
  async #find(index: number): Promise<boolean> {
    const [context, header, order] = [this.#context, this.#header, this.#order];
    const rows = currentRows(await readMember(context, header.gid, index));
    const last = rows.at(-1);
    if (!last || last.round >= header.round) return true;
    if (await isMarked(context, header, index)) return false;
    if (!isTerminal(last.status)) return true;
    for (const run of rows) if (await needsRetry(context, header, run, order)) return true;
    return !order.keepDownstream && this.any(await parentsOf(context, header, index));
  }
}
