import type { LockRequest, RunLimits } from "../../functions/core/task/run-limits.ts";
import type { Random } from "./random.ts";

/** Limits by key. Everybody who asks for a key asks for the same. */
export const PLACES: { readonly [key: string]: number } = { one: 1, two: 2 };
export const RATES: { readonly [key: string]: { readonly per: number; readonly limit: number } } = {
  often: { per: 5, limit: 2 },
  seldom: { per: 20, limit: 3 },
};
const LOCKED = ["left", "right"];

/** Returns what a signature asks for. A quarter of them ask for nothing. */
export function limitsOfSignature(random: Random): RunLimits | undefined {
  if (random.chance(0.25)) return undefined;
  const place = random.pick(Object.keys(PLACES));
  const rate = random.pick(Object.keys(RATES));
  const locks = LOCKED.filter(() => random.chance(0.5)).map((key): LockRequest => ({
    key,
    mode: random.chance(0.5) ? "read" : "write",
  }));
  const limits: RunLimits = {
    ...(random.chance(0.6) && { concurrency: { key: place, limit: PLACES[place] as number } }),
    ...(random.chance(0.25) && {
      rateLimit: { key: rate, per: RATES[rate]?.per ?? 1, limit: RATES[rate]?.limit ?? 1 },
    }),
    ...(locks.length > 0 && random.chance(0.7) && { locks }),
  };
  return Object.keys(limits).length > 0 ? limits : undefined;
}

/** What chooses limits and priorities of signatures, apart from everything else that is random. */
export interface FlowChoices {
  readonly limits?: Random;
  readonly priorities?: Random;
  readonly graphs?: Random;
  /** Chooses which signatures are of the bulk task. */
  readonly bulk?: Random;
}
/** Returns whether a script becomes one of the bulk task: some of those that do one thing, when there is such a task. */
export function isForBulk(random: Random | undefined, script: { readonly [what: string]: unknown }): boolean {
  const others = ["spawn", "stream", "waits", "needs", "execution", "reads"];
  return random !== undefined && others.every((what) => script[what] === undefined) && random.chance(0.6);
}
/** Returns the priority of a signature. Half of them have none. */
export function prioritiesOf(random: Random | undefined): { readonly priority?: number } {
  return random === undefined || random.chance(0.5) ? {} : { priority: random.int(10) };
}
