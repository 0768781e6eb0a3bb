import { FanfoldError } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { eventItemKey, ITEM_VERSION, type Run, waiterKey } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import { dependentOp, nestedWaitOp } from "../items/edge-items.ts";
import { readIdentities } from "../items/identity-items.ts";
import type { PutOp } from "../ports.ts";
import { parseLock } from "./lock-names.ts";
import { nextWaiters, waitOp } from "./lock-waiters.ts";

/**
 * What a deferred run waits for. Its row holds each dependency in `unmet`, as `<kind>:<name>`. One table says for each
 * kind how a run subscribes, and how it looks whether the dependency is met. The order is the same for all:
 *
 *     run:     subscribe, THEN commit `deferred`, THEN look
 *     meeting: put what meets the dependency, THEN wake the subscribers
 *
 * So one of the two sees both.
 */
interface DependencyKind {
  /** Puts the run among the subscribers. Costs a write unit for each, and may be repeated. None when time meets it. */
  subscribe(context: Context, run: Run, name: string): readonly PutOp[];
  /** Returns which of these are met. One read unit for each, or some for a lock. */
  met(context: Context, run: Run, names: readonly string[]): Promise<readonly string[]>;
}
const KINDS = {
  event: {
    subscribe: (context, { jobId, runId, ttl }, name) => {
      const attributes = { v: ITEM_VERSION, jobId, ttl, runId };
      return [{ op: "put", key: waiterKey(jobId, name, context.ids.hash(runId)), attributes, when: absent() }];
    },
    met: async ({ store }, { jobId }, names) => {
      const items = await store.getMany(names.map((name) => eventItemKey(jobId, name)));
      return names.filter((_, k) => items[k] !== undefined);
    },
  },
  /** An identity. Runs that only wait for one take its end over (waits/identities.ts). A collected one is asked anew. */
  run: {
    subscribe: (context, run, name) => {
      const nested = nestedWaitOp(context, name, run);
      return [dependentOp(context, name, run), ...(nested ? [nested] : [])];
    },
    met: async (context, { asked = {} }, names) => {
      const identities = await readIdentities(context, names);
      return names.filter((name, k) => {
        const run = identities[k]?.run;
        return !run || isTerminal(run.status) || run.round < (asked[name] ?? 0);
      });
    },
  },
  lock: {
    subscribe: (context, run, name) => [waitOp(context, run, parseLock(name))],
    met: async (context, { runId }, names) => {
      const met: string[] = [];
      for (const name of names)
        if ((await nextWaiters(context, parseLock(name))).some(({ run }) => run.runId === runId)) met.push(name);
      return met;
    },
  },
  /** A member of the same graph, which changes the row itself when it ends (waits/nodes.ts). */
  node: { subscribe: () => [], met: () => Promise.resolve([]) },
  /** The start of a window, at which the row says that the run may start. */
  rate: { subscribe: () => [], met: () => Promise.resolve([]) },
} as const satisfies Readonly<Record<string, DependencyKind>>;
export type DependencyName = keyof typeof KINDS;

/** Returns the text of a dependency, as `unmet` holds it. */
export const dependencyOf = (kind: DependencyName, name: string): string => `${kind}:${name}`;

/** Whether a run waits for other members of its graph. Then it waits for nothing else. */
export const awaitsNodes = ({ status, unmet = NOTHING }: Run): boolean =>
  status === "deferred" && [...unmet].some((dependency) => dependency.startsWith("node:"));

export function parseDependency(dependency: string): { readonly kind: DependencyName; readonly name: string } {
  const colon = dependency.indexOf(":");
  const kind = dependency.slice(0, colon);
  if (!Object.hasOwn(KINDS, kind))
    throw new FanfoldError("internal", `nothing is known about the dependency ${dependency}`, {
      details: { dependency },
    });
  return { kind: kind as DependencyName, name: dependency.slice(colon + 1) };
}
/** Returns the writes that put a run among the subscribers of its dependencies. */
export function subscribeOps(context: Context, run: Run, unmet: readonly string[]): readonly PutOp[] {
  return unmet.flatMap((dependency) => {
    const { kind, name } = parseDependency(dependency);
    return KINDS[kind].subscribe(context, run, name);
  });
}
/** Returns the dependencies of a run that are met. */
export async function metOf(context: Context, run: Run, unmet: readonly string[]): Promise<readonly string[]> {
  const all = unmet.map(parseDependency);
  const met: string[] = [];
  for (const kind of new Set(all.map((each) => each.kind))) {
    const names = all.filter((each) => each.kind === kind).map(({ name }) => name);
    met.push(...(await KINDS[kind].met(context, run, names)).map((name) => dependencyOf(kind, name)));
  }
  return met;
}
/** Returns the identities that a deferred run waits for: the one whose end it takes over, or its dependencies. */
export function awaitedBy({ status, adopts, unmet = NOTHING }: Run): readonly string[] {
  if (status !== "deferred") return [];
  if (adopts !== undefined) return [adopts];
  return [...unmet].map(parseDependency).flatMap(({ kind, name }) => (kind === "run" ? [name] : []));
}
const NOTHING: ReadonlySet<string> = new Set();
