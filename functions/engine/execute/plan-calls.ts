import { type BulkInfo, bulkBytes } from "../../core/task/bulk.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { mustRunAlone } from "../items/run-claims.ts";
import type { Ready } from "./member-reports.ts";

/** A member that may take part in a call. */
export interface Callable {
  readonly header: Header;
  readonly member: Ready;
  readonly bytes: number;
}
export function callable(header: Header, member: Ready): Callable {
  return { header, member, bytes: bulkBytes([member.step.args ?? [], member.step.kwargs ?? {}]) };
}

/**
 * Divides members into calls. A call has at most `maxItems` runs, takes no further one once their input is above
 * `maxBytes`, and no more than each of its runs permits after an earlier call that failed. Runs of different timeouts do
 * not share one. A run that must have its process to itself is called alone.
 */
export function planCalls(
  context: Context,
  { maxItems, maxBytes }: Pick<BulkInfo, "maxItems" | "maxBytes">,
  members: readonly Callable[],
): readonly (readonly Callable[])[] {
  const calls: Callable[][] = [];
  const open = new Map<string, { readonly call: Callable[]; bytes: number }>();
  for (const each of members) {
    const { run, step } = each.member;
    const among = mustRunAlone(context, run) ? 1 : Math.min(run?.among ?? maxItems, maxItems);
    const key = `${step.options?.timeout ?? ""} ${among}`;
    let group = open.get(key);
    if (!group) {
      group = { call: [], bytes: 0 };
      open.set(key, group);
      calls.push(group.call);
    }
    group.call.push(each);
    group.bytes += each.bytes;
    if (group.call.length >= among || group.bytes > maxBytes) open.delete(key);
  }
  return calls;
}
