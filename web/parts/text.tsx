import { visible, visibleLine } from "../format.ts";
import { lookOf } from "../states.ts";

/** Foreign text in one line, isolated from the direction of what is around it. */
export function Line({ text, length }: { readonly text: string; readonly length?: number }) {
  return (
    <bdi class="line" title={text.length > 60 ? visible(text.slice(0, 1_000)) : undefined}>
      {visibleLine(text, length)}
    </bdi>
  );
}
/** An id or a name that programs know. */
export function Code({ text }: { readonly text: string }) {
  return <bdi class="code">{visibleLine(text)}</bdi>;
}
export function Badge({ state }: { readonly state: string }) {
  const { tone, mark } = lookOf(state);
  return (
    <span class={`badge ${tone}`}>
      <span class="mark" aria-hidden="true">
        {mark}
      </span>
      {state}
    </span>
  );
}
