/**
 * Works on all items, at most `limit` at a time, and waits for all of them. Then throws the first failure, so no work
 * goes on after the caller has seen an error.
 */
export async function eachBounded<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  let next = 0;
  const workThrough = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      try {
        await work(items[index] as T, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, workThrough));
  if (failures.length > 0) throw failures[0];
}
