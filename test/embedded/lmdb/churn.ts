import type { LmdbEnvironment } from "../../../functions/embedded/lmdb/lmdb-environment.ts";

/**
 * Writes whose result after n steps is known. Each step overwrites one entry of many and may remove another, so pages
 * are freed and used again all the time. Some values lie on pages of their own.
 */
const ENTRIES = 1_499;
const keyOf = (n: number): string => `k${n % ENTRIES}`;
const removedBy = (n: number): string | undefined => (n % 3 === 0 ? keyOf(n * 31) : undefined);
const valueOf = (n: number): Buffer => Buffer.alloc(n % 40 === 0 ? 9_000 : 40 + (n % 300), `${n}.`);
const COUNT = "count";

/** Makes steps in one transaction and returns the number of all steps so far. */
export function churn({ gatherer, tasks }: LmdbEnvironment, steps: number): Promise<number> {
  return gatherer.run(() => {
    let n = Number(tasks.getBinary(COUNT)?.toString() ?? 0);
    for (let made = 0; made < steps; made++) {
      tasks.putSync(keyOf(++n), valueOf(n));
      const removed = removedBy(n);
      if (removed !== undefined) tasks.removeSync(removed);
    }
    tasks.putSync(COUNT, Buffer.from(`${n}`));
    return n;
  });
}
/** Returns the number of steps so far, or the first difference from the expected result. */
export function readChurned(environment: LmdbEnvironment): number | string {
  environment.refresh();
  const entries = new Map(
    [...environment.tasks.getRange({ start: " " })].map(({ key, value }) => [key, Buffer.from(value)]),
  );
  const count = Number(entries.get(COUNT)?.toString() ?? 0);
  entries.delete(COUNT);
  const expected = new Map<string, number>();
  for (let n = 1; n <= count; n++) {
    expected.set(keyOf(n), n);
    const removed = removedBy(n);
    if (removed !== undefined) expected.delete(removed);
  }
  if (entries.size !== expected.size) return `after ${count} steps ${expected.size} entries, not ${entries.size}`;
  for (const [key, n] of expected)
    if (entries.get(key)?.equals(valueOf(n)) !== true) return `after ${count} steps ${key} is not of step ${n}`;
  return count;
}
