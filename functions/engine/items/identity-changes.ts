import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { attributesOf, headerKey } from "../item-kinds.ts";
import type { WriteOp } from "../ports.ts";
import { keepEdges, readEdges } from "./edge-items.ts";
import { asSeen, type Identity, type IdentityStart } from "./identity-items.ts";
import { rootChange, rootCondition } from "./root-row.ts";

/** Changes what an ended identity declares, and takes away what it has consumed beside that. One unit. */
export async function declareOp(
  context: Context,
  identity: Identity,
  { step, plan }: IdentityStart,
  dependsOn: { readonly [name: string]: unknown },
): Promise<WriteOp> {
  const { run, header } = identity;
  const read = await readEdges(context, run);
  const kept = new Map([...(read?.edges ?? [])].filter(([name]) => name in dependsOn));
  const closure = new Map(Object.entries(read?.closure ?? {}));
  const edges = kept.size > 0 ? { edges: await keepEdges(context, run, kept, closure) } : {};
  const row = rootChange({ set: attributesOf(edges), remove: kept.size > 0 ? [] : ["edges"] });
  const set = { ...row.set, ...attributesOf({ ...(step && { step }), ...(plan !== undefined && { plan }) }) };
  const change = { set, remove: [...(row.remove ?? []), step ? "plan" : "step"] };
  return { op: "update", key: headerKey(header.gid), change, when: rootCondition(asSeen(run)) };
}
/**
 * Forgets an identity as it was seen. `attempt` of an ended one rises, so whoever has not seen this begins no round. One
 * unit, and one more when it was to run again by itself.
 */
export function forgetOp({ header, run }: Identity): WriteOp {
  const ended = isTerminal(run.status) ? ["edges", "notBefore", "due", "dueShard"] : [];
  const fence = isTerminal(run.status) ? { add: { attempt: 1 } } : {};
  const change = rootChange({ set: attributesOf({ forgotten: true as const }), ...fence, remove: ended });
  return { op: "update", key: headerKey(header.gid), change, when: rootCondition(asSeen(run)) };
}
