/** Works on several items at a time, and yields each with its result, in the order of the items. */
export async function* inOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const open: Promise<readonly [T, R]>[] = [];
  for await (const item of items) {
    const result = work(item).then((value) => [item, value] as const);
    // An error is thrown where its item is yielded.
    result.catch(() => undefined);
    open.push(result);
    if (open.length >= width) yield (await open.shift()) as readonly [T, R];
  }
  for (const result of open) yield await result;
}
