import { FanfoldError } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { isTerminal, type RunStatus } from "../../core/plan/run-state.ts";
import { eventItemKey, headerKey, ITEM_VERSION, type Run, waiterKey } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import { subscribeToOp } from "../items/identity-items.ts";
import { rootRowOf } from "../items/root-row.ts";
import type { Item, Key, PutOp } from "../ports.ts";

/**
 * What a deferred run waits for. Its row holds each dependency in `unmet`, as `<kind>:<name>`. One table says for each
 * kind how a run subscribes, and which item shows that the dependency is met. The order is the same for all:
 *
 *     run:     subscribe, THEN commit `deferred`, THEN look
 *     meeting: put what meets the dependency, THEN wake the subscribers (`wakeRun`)
 *
 * So one of the two sees both.
 */
interface DependencyKind {
  /** Puts the run among the subscribers. Costs one write unit, and may be repeated. */
  subscribe(context: Context, run: Run, name: string): PutOp;
  /** Returns the key of the item that shows whether the dependency is met. */
  look(run: Run, name: string): Key;
  /** Whether the dependency is met, by that item. */
  isMet(item: Item | undefined): boolean;
}
const KINDS = {
  event: {
    subscribe: (context, { jobId, runId, ttl }, name) => {
      const attributes = { v: ITEM_VERSION, jobId, ttl, runId };
      return { op: "put", key: waiterKey(jobId, name, context.ids.hash(runId)), attributes, when: absent() };
    },
    look: ({ jobId }, name) => eventItemKey(jobId, name),
    isMet: (item) => item !== undefined,
  },
  /** An identity. Runs that only wait for one take its end over (waits/identities.ts). */
  run: {
    subscribe: (context, run, name) => subscribeToOp(context, name, run.adoptsRound ?? 0, run, run),
    look: (_run, name) => headerKey(name),
    isMet: (item) => isTerminal(rootRowOf(item)?.attributes["status"] as RunStatus),
  },
} as const satisfies Readonly<Record<string, DependencyKind>>;
export type DependencyName = keyof typeof KINDS;

/** Returns the text of a dependency, as `unmet` holds it. */
export const dependencyOf = (kind: DependencyName, name: string): string => `${kind}:${name}`;

export function parseDependency(dependency: string): { readonly kind: DependencyName; readonly name: string } {
  const colon = dependency.indexOf(":");
  const kind = dependency.slice(0, colon);
  if (!Object.hasOwn(KINDS, kind))
    throw new FanfoldError("internal", `nothing is known about the dependency ${dependency}`, {
      details: { dependency },
    });
  return { kind: kind as DependencyName, name: dependency.slice(colon + 1) };
}
export function subscribeOp(context: Context, run: Run, dependency: string): PutOp {
  const { kind, name } = parseDependency(dependency);
  return KINDS[kind].subscribe(context, run, name);
}
/** Returns the dependencies of a run that are met. One read unit for each of its unmet ones. */
export async function metOf(context: Context, run: Run, unmet: readonly string[]): Promise<readonly string[]> {
  const keys = unmet.map((dependency) => {
    const { kind, name } = parseDependency(dependency);
    return KINDS[kind].look(run, name);
  });
  const items = await context.store.getMany(keys);
  return unmet.filter((dependency, k) => KINDS[parseDependency(dependency).kind].isMet(items[k]));
}
