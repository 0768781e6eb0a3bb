import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { childGroupOf, runIdOf } from "../core/plan/run-id.ts";
import type { RunIds, SpawnedChildren, SpawnedGroup } from "./task-context.ts";

function refuseWait(): never {
  throw new FanfoldError(
    "waiting_inside_task",
    "a task must not wait for other runs: it would hold the worker they may need. Use ctx.spawnWithCallback(children, callback), " +
      "ctx.replace(canvas), or let the next step of a chain or the body of a chord receive the results",
  );
}
export const SPAWNED: SpawnedChildren = Object.freeze({ result: refuseWait });

/** Ids that are computed when they are asked for, because a group may have a hundred thousand children. */
class MemberIds implements RunIds {
  readonly #gid: string;
  readonly length: number;

  constructor(gid: string, length: number) {
    this.#gid = gid;
    this.length = length;
  }
  at(index: number): string | undefined {
    return Number.isInteger(index) && index >= 0 && index < this.length ? runIdOf(this.#gid, index, 0) : undefined;
  }
  *[Symbol.iterator](): Iterator<string, undefined, undefined> {
    for (let index = 0; index < this.length; index++) yield runIdOf(this.#gid, index, 0);
  }
  toJSON(): Json {
    return [...this];
  }
}

/**
 * Returns the ids of a group that a run has spawned with a callback, as the `index`-th of its children. Ids are
 * positional, so they are known before anything is stored, and another attempt of the run is given the same.
 */
export function spawnedGroup(
  { runId, since }: { readonly runId: string; readonly since?: number | undefined },
  index: number,
  children: number,
): SpawnedGroup {
  const owner = childGroupOf(runId, since);
  const groupId = childGroupOf(runIdOf(owner, index, 0));
  return Object.freeze({
    groupId,
    callbackId: runIdOf(owner, index, 1),
    childIds: new MemberIds(groupId, children),
    result: refuseWait,
  });
}
