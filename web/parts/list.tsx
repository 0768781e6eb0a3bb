import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface Column<T> {
  readonly title: string;
  /** A track of a grid: `8rem`, `1fr`. */
  readonly width: string;
  readonly right?: true;
  /** Stays on a narrow screen. The first column always does. */
  readonly narrow?: true;
  readonly cell: (item: T) => ComponentChildren;
}
interface ListProps<T> {
  readonly label: string;
  readonly items: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (item: T) => string;
  readonly hrefOf: (item: T) => string;
  /** Rows with buttons have a line more on a narrow screen. */
  readonly tall?: true;
  /** Reads what follows. Absent at the end. */
  readonly more?: (() => void) | undefined;
}
const WIDE_ROW = 40;
const NARROW_ROW = 72;
const TALL_NARROW_ROW = 120;
/** Rows beyond the window that are drawn, so that scrolling shows no gap. */
const AHEAD = 12;
const NARROW = "(max-width: 700px)";

/**
 * A list of any length, of which only what can be seen is drawn. Arrow keys, Home and End move through it, and Enter
 * opens a row. The end of it reads more.
 */
export function List<T>({ label, items, columns, keyOf, hrefOf, tall, more }: ListProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const narrow = useMedia(NARROW);
  const height = narrow ? (tall ? TALL_NARROW_ROW : NARROW_ROW) : WIDE_ROW;
  const [from, to] = useWindow(box, items.length, height);
  const focusAt = useFocus(box, items.length, height);
  useEffect(() => {
    if (more && to >= items.length - AHEAD) more();
  }, [to, items.length, more]);
  const tracks = columns.map(({ width }) => width).join(" ");
  const cells = narrow ? columns.filter((column, k) => k === 0 || column.narrow) : columns;
  return (
    <div class="list" role="table" aria-label={label} aria-rowcount={items.length + 1} onKeyDown={focusAt}>
      <div role="rowgroup" class="head">
        <div role="row" class="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks }}>
          {cells.map(({ title, right }) => (
            <span key={title} role="columnheader" class={right ? "right" : undefined}>
              {title}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" ref={box} style={{ height: `${items.length * height}px` }} class="rows">
        <div style={{ transform: `translateY(${from * height}px)` }} role="presentation">
          {items.slice(from, to).map((item, k) => (
            <div
              key={keyOf(item)}
              role="row"
              class="row"
              aria-rowindex={from + k + 2}
              style={{ gridTemplateColumns: tracks, height: `${height}px` }}
            >
              {cells.map(({ title, right, cell }, c) => (
                <span
                  key={title}
                  role="cell"
                  class={right ? "cell right" : "cell"}
                  data-title={narrow && c > 1 ? title : undefined}
                >
                  {c === 0 ? (
                    <a class="open" href={hrefOf(item)} data-row={from + k}>
                      {cell(item)}
                    </a>
                  ) : (
                    cell(item)
                  )}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

function useMedia(query: string): boolean {
  const [on, setOn] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const change = (): void => setOn(media.matches);
    change();
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, [query]);
  return on;
}
/** Returns the rows to draw, from the first to behind the last. */
function useWindow(box: { readonly current: HTMLElement | null }, count: number, height: number): [number, number] {
  const [range, setRange] = useState<readonly [number, number]>([0, 60]);
  useLayoutEffect(() => {
    const look = (): void => {
      const top = -(box.current?.getBoundingClientRect().top ?? 0);
      const from = Math.max(0, Math.floor(top / height) - AHEAD);
      const to = Math.max(from, Math.ceil((top + innerHeight) / height) + AHEAD);
      setRange((before) => (before[0] === from && before[1] === to ? before : [from, to]));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [count, height]);
  const from = Math.min(range[0], Math.max(0, count - 1));
  return [from, Math.min(range[1], count)];
}
/** Moves the focus with the keys, also to a row that is not drawn yet. */
function useFocus(box: { readonly current: HTMLElement | null }, count: number, height: number) {
  const wanted = useRef<number | undefined>(undefined);
  const take = (): void => {
    const row = box.current?.querySelector<HTMLElement>(`[data-row="${wanted.current}"]`);
    if (!row) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
    row.closest(".row")?.scrollIntoView({ block: "nearest" });
  };
  useEffect(() => {
    if (wanted.current !== undefined) take();
  });
  return (event: KeyboardEvent): void => {
    // Keys may come faster than rows are drawn: each goes on from where the one before it wants to be.
    const at = wanted.current ?? Number((event.target as HTMLElement).dataset["row"] ?? Number.NaN);
    const next = Number.isNaN(at) ? undefined : placeOf(event.key, at, count);
    if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    wanted.current = next;
    const top = (box.current?.getBoundingClientRect().top ?? 0) + scrollY;
    if (next * height + top < scrollY || (next + 1) * height + top > scrollY + innerHeight)
      scrollTo({ top: Math.max(0, top + next * height - innerHeight / 2) });
    take();
  };
}
function placeOf(key: string, at: number, count: number): number | undefined {
  if (key === "ArrowDown" || key === "j") return Math.min(count - 1, at + 1);
  if (key === "ArrowUp" || key === "k") return Math.max(0, at - 1);
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return undefined;
}
