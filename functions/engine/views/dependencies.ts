import { isIdentity, parseRunId, runIdOf } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import type { DependencyView, RunView } from "../job-views.ts";
import type { Run } from "../item-kinds.ts";
import { type Edge, outcomeOf, readDependents, readEdges } from "../items/edge-items.ts";
import { type Identity, readIdentities } from "../items/identity-items.ts";
import { readRun } from "../items/run-reads.ts";
import { awaitedBy } from "../waits/dependencies.ts";

const SHOWN_DEPENDENTS = 100;

/** Returns what a run depends on, and what depends on it. Costs one read for each of them. */
export async function dependenciesOf(
  context: Context,
  run: Run,
): Promise<Pick<RunView, "dependencies" | "dependents">> {
  const consumed = [...((await readEdges(context, run))?.edges ?? [])];
  const known = new Set(consumed.map(([, { gid }]) => gid));
  const awaited = run.adopts === undefined ? awaitedBy(run).filter((gid) => !known.has(gid)) : [];
  const gids = [...consumed.map(([, { gid }]) => gid), ...awaited];
  const identities = gids.length > 0 ? await readIdentities(context, gids) : [];
  const dependencies = gids.map((gid, k) => viewOf(context, gid, consumed[k], identities[k]));
  const dependents = isIdentity(run.gid) ? await dependentsOf(context, run.gid) : [];
  return {
    ...(dependencies.length > 0 && { dependencies }),
    ...(dependents.length > 0 && { dependents }),
  };
}
function viewOf(
  context: Context,
  gid: string,
  consumed: readonly [string, Edge] | undefined,
  identity: Identity | undefined,
): DependencyView {
  const run = identity?.run;
  const changed = consumed && run && isTerminal(run.status) && outcomeOf(context, run) !== consumed[1].outcome;
  return {
    ...(consumed && { name: consumed[0] }),
    runId: runIdOf(gid, 0, 0),
    ...(run?.task !== undefined && { task: run.task }),
    ...(run && { status: run.status }),
    ...(changed && { changed }),
  };
}
/** Returns the runs that depend on an identity still, of those that have ever waited for it or consumed it. */
async function dependentsOf(context: Context, gid: string): Promise<readonly string[]> {
  const { runIds } = await readDependents(context, gid, { limit: SHOWN_DEPENDENTS });
  const depending = await Promise.all(
    runIds.map(async (runId) => {
      const ref = parseRunId(runId);
      const run = ref && (await readRun(context, ref));
      if (!run) return [];
      const edges = await readEdges(context, run);
      const isEdge = [...(edges?.edges.values() ?? [])].some((edge) => edge.gid === gid);
      return isEdge || awaitedBy(run).includes(gid) ? [runId] : [];
    }),
  );
  return depending.flat();
}
