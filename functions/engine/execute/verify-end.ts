import { isTerminal } from "../../core/plan/run-state.ts";
import { type Ask, stepOf } from "../attempt/ask.ts";
import { askerOf } from "../attempt/dependency-runs.ts";
import { ensureIdentities } from "../attempt/ensure-identities.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { type Edge, type Edges, outcomeOf, readEdges, versionsOf } from "../items/edge-items.ts";
import { type Identity, readIdentities } from "../items/identity-items.ts";
import type { Versions } from "../items/sharing-attributes.ts";
import { mergeVersions, outdatedOf } from "../items/versions.ts";

/** What is known of the end of the round before. */
export type Verdict =
  /** What it has consumed is made by the versions of this process, and is the same. */
  | { readonly kind: "holds"; readonly edges: Edges; readonly closure: ReadonlyMap<string, number> }
  /** What it has consumed has changed, so its code runs. `by` is absent when that was collected. */
  | { readonly kind: "changed"; readonly by?: Run }
  /** Some of what it has consumed is being made anew. */
  | { readonly kind: "waits"; readonly identities: readonly Identity[] };

/**
 * Finds out whether the end of the round before still holds, although a task upstream has a higher version by now
 * (docs/adr/0025). Only what was consumed is asked for, and it asks for what it has consumed in turn. So the outdated
 * part of the graph runs again, from its sources on, and as far as ends come out otherwise:
 *
 *     one has another end                 -> the code runs
 *     one is outdated, or has not ended   -> it is asked for, and waited for
 *     all have the ends that were consumed -> the end of the round before is that of this one
 */
export async function verifyEnd(context: Context, header: Header, run: Run, again: boolean): Promise<Verdict> {
  const edges = (await readEdges(context, run))?.edges;
  if (!edges) return { kind: "changed" };
  const each = [...edges.values()];
  const gids = each.map(({ gid }) => gid);
  for (;;) {
    const identities = await readIdentities(context, gids);
    if (identities.includes(undefined)) return { kind: "changed" };
    const found = await all(each.map((edge, k) => stateOf(context, edge, identities[k] as Identity)));
    const by = found.find(({ changed }) => changed);
    if (by) return { kind: "changed", by: by.identity.run };
    const unsettled = found.filter(({ versions }) => versions === undefined);
    if (unsettled.length === 0) return { kind: "holds", edges, closure: closureOf(found) };
    const asks = await all(unsettled.map(({ identity }) => askFor(context, header, run, identity)));
    const asked = await ensureIdentities(context, header, asks, again);
    const open = asked.filter(({ reuses }) => !reuses).map(({ identity }) => identity);
    // Those that have ended meanwhile are looked at once more.
    if (open.length > 0) return { kind: "waits", identities: open };
  }
}
interface Found {
  readonly identity: Identity;
  /** What its end was made with. Absent while it has none that counts. */
  readonly versions?: Versions;
  readonly changed?: boolean;
}
async function stateOf(context: Context, edge: Edge, identity: Identity): Promise<Found> {
  const { run } = identity;
  if (!isTerminal(run.status)) return { identity };
  const versions = await versionsOf(context, run);
  if (outdatedOf(context, versions).length > 0) return { identity };
  return { identity, versions, changed: outcomeOf(context, run) !== edge.outcome };
}
function closureOf(found: readonly Found[]): ReadonlyMap<string, number> {
  const closure = new Map<string, number>();
  for (const { versions = {} } of found) mergeVersions(closure, versions);
  return closure;
}
async function askFor(context: Context, header: Header, run: Run, identity: Identity): Promise<Ask> {
  const { gid } = identity.header;
  const step = await stepOf(context, identity);
  const asker = askerOf(header, run);
  return { gid, dedupe: "forever", step, asker, wanted: run.asked?.[gid], takesBroken: true };
}
