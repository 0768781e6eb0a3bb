import { formatCount } from "../format.ts";
import { lookOf, RUN_STATES } from "../states.ts";

interface BarProps {
  readonly counts: Readonly<Record<string, number>>;
  /** All there are, as far as known. What has not ended is the rest. */
  readonly total: number;
}
/** A bar of states. Each has a colour and a pattern, and the text says the numbers. */
export function StateBar({ counts, total }: BarProps) {
  const parts = partsOf(counts);
  const shown = Math.max(
    total,
    parts.reduce((sum, [, count]) => sum + count, 0),
  );
  const text = sayCounts(counts, total);
  return (
    <span class="bar" role="img" aria-label={text} title={text}>
      {parts.map(([state, count]) => (
        <span key={state} class={`part ${lookOf(state).tone}`} style={{ width: `${(100 * count) / shown}%` }} />
      ))}
    </span>
  );
}
/** The numbers of a bar, with the mark of each state. */
export function StateCounts({ counts }: Pick<BarProps, "counts">) {
  return (
    <span class="counts">
      {partsOf(counts).map(([state, count]) => (
        <span key={state} class={`count ${lookOf(state).tone}`}>
          <span aria-hidden="true">{lookOf(state).mark}</span> {formatCount(count)} {state}
        </span>
      ))}
    </span>
  );
}
export function partsOf(counts: BarProps["counts"]): [state: string, count: number][] {
  return RUN_STATES.flatMap((state): [string, number][] => {
    const count = counts[state] ?? 0;
    return count > 0 ? [[state, count]] : [];
  });
}
export function sayCounts(counts: BarProps["counts"], total: number): string {
  const parts = partsOf(counts).map(([state, count]) => `${formatCount(count)} ${state}`);
  return `${parts.join(", ") || "none ended"} of ${formatCount(total)}`;
}
