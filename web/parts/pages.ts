import { useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "../../functions/client/index.ts";

export interface Pages<T> {
  readonly items: readonly T[];
  /** No page has been read yet. */
  readonly empty: boolean;
  readonly reading: boolean;
  readonly error: Error | undefined;
  /** Reads the next page. Absent at the end, and while one is read. */
  readonly more: (() => void) | undefined;
  /** Puts the newer state of items in place. Unknown ones come first when `show` says so. Returns how many were left. */
  readonly update: (newer: readonly T[], show: boolean) => number;
  readonly reload: () => void;
}
/** Pages of a list, read one by one. Another `key` begins anew. `load` may return a page without items. */
export function usePages<T>(
  key: string,
  load: (cursor: string | undefined) => Promise<Page<T>>,
  keyOf: (item: T) => string,
): Pages<T> {
  const [state, setState] = useState<State<T>>(() => ({ key, items: [], pages: 0 }));
  const [reading, setReading] = useState(false);
  const turn = useRef(0);
  const current = state.key === key ? state : { key, items: [], pages: 0 };
  const read = async (cursor: string | undefined, first: boolean): Promise<void> => {
    const mine = first ? ++turn.current : turn.current;
    setReading(true);
    try {
      const page = await load(cursor);
      if (mine !== turn.current) return;
      setState((before) => {
        const items = first || before.key !== key ? [] : before.items;
        return { key, items: [...items, ...page.items], pages: before.pages + 1, cursor: page.cursor };
      });
    } catch (error) {
      if (mine === turn.current)
        setState((before) => ({
          ...(before.key === key ? before : { key, items: [], pages: 0 }),
          error: error as Error,
        }));
    } finally {
      if (mine === turn.current) setReading(false);
    }
  };
  useEffect(() => {
    void read(undefined, true);
    return () => void turn.current++;
  }, [key]);
  const { items, pages, cursor, error } = current;
  return {
    items,
    empty: pages === 0,
    reading,
    error,
    more: reading || error !== undefined || cursor === undefined ? undefined : () => void read(cursor, false),
    reload: () => void read(undefined, true),
    update: (newer, show) => {
      const known = new Map(items.map((item, at) => [keyOf(item), at]));
      const added = newer.filter((item) => !known.has(keyOf(item)));
      const next = [...items];
      let changed = false;
      for (const item of newer) {
        const at = known.get(keyOf(item));
        if (at === undefined || JSON.stringify(next[at]) === JSON.stringify(item)) continue;
        next[at] = item;
        changed = true;
      }
      if (changed || (show && added.length > 0))
        setState((before) => (before.key === key ? { ...before, items: show ? [...added, ...next] : next } : before));
      return show ? 0 : added.length;
    },
  };
}
interface State<T> {
  readonly key: string;
  readonly items: readonly T[];
  readonly pages: number;
  readonly cursor?: string | undefined;
  readonly error?: Error;
}
