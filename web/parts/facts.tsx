import type { ComponentChildren } from "preact";
import { Line } from "./text.tsx";

/** What is known of one thing, as names and values. Rows without a text are left out; `children` are further facts. */
export function Facts({
  rows = [],
  children,
}: {
  readonly rows?: readonly (readonly [name: string, text: string | undefined])[];
  readonly children?: ComponentChildren;
}) {
  return (
    <dl class="facts">
      {rows.map(
        ([name, text]) =>
          text !== undefined && (
            <Fact key={name} name={name}>
              <Line text={text} />
            </Fact>
          ),
      )}
      {children}
    </dl>
  );
}
export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>
        <Line text={name} />
      </dt>
      <dd>{children}</dd>
    </div>
  );
}
