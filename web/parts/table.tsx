import type { ComponentChildren } from "preact";

interface TableProps<T> {
  readonly label: string;
  readonly columns: readonly string[];
  /** Columns of words. The first one is always one; all others are numbers. */
  readonly left?: readonly number[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly cells: (row: T) => readonly ComponentChildren[];
}
/** A small table with a head for each row. A narrow screen scrolls it sideways. */
export function Table<T>({ label, columns, left = [], rows, keyOf, cells }: TableProps<T>) {
  const look = (at: number): string | undefined => (at === 0 || left.includes(at) ? undefined : "right");
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((title, at) => (
              <th key={at} scope="col" class={look(at)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {cells(row).map((cell, at) =>
                at === 0 ? (
                  <th key={at} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={at} class={look(at)}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
