import { useState } from "preact/hooks";
import type { Json } from "../../functions/client/index.ts";
import { formatCount, visible, visibleLine } from "../format.ts";
import { Copy } from "./buttons.tsx";

/** Characters that are shown at first, and more of them on request. */
const SHOWN = 20_000;
/** Children of a tree that are shown at first. */
const BRANCHES = 100;

/** A value as exact text, with a tree beside it on request. Large ones are shown piece by piece. */
export function Payload({ value, name }: { readonly value: Json; readonly name: string }) {
  const [length, setLength] = useState(SHOWN);
  const [tree, setTree] = useState(false);
  const text = JSON.stringify(value, null, 2);
  const branched = typeof value === "object" && value !== null;
  return (
    <div class="payload">
      <div class="tools">
        <span class="quiet">{formatCount(text.length)} characters</span>
        {branched && (
          <button type="button" class="small" aria-pressed={tree} onClick={() => setTree(!tree)}>
            {tree ? "as text" : "as a tree"}
          </button>
        )}
        <Copy text={text} what={name} />
      </div>
      {tree && branched ? (
        <div class="tree" tabIndex={0} role="region" aria-label={`${name} as a tree`}>
          <Branch name="" value={value} depth={0} />
        </div>
      ) : (
        <pre tabIndex={0} role="region" aria-label={name}>
          <bdi>{visible(text.slice(0, length))}</bdi>
        </pre>
      )}
      {!tree && text.length > length && (
        <button type="button" onClick={() => setLength(length * 10)}>
          show more: {formatCount(text.length - length)} characters are left
        </button>
      )}
    </div>
  );
}
function Branch({ name, value, depth }: { readonly name: string; readonly value: Json; readonly depth: number }) {
  const [shown, setShown] = useState(BRANCHES);
  const [open, setOpen] = useState(depth < 1);
  const label = name === "" ? "" : `${visibleLine(name, 80)}: `;
  if (typeof value !== "object" || value === null)
    return (
      <div class="leaf">
        <bdi class="quiet">{label}</bdi>
        <bdi>{visibleLine(JSON.stringify(value), 400)}</bdi>
      </div>
    );
  const entries = Object.entries(value);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <bdi class="quiet">{label}</bdi>
        {Array.isArray(value) ? `${formatCount(entries.length)} items` : `${formatCount(entries.length)} fields`}
      </summary>
      {open &&
        entries.slice(0, shown).map(([key, each]) => <Branch key={key} name={key} value={each} depth={depth + 1} />)}
      {open && entries.length > shown && (
        <button type="button" class="small" onClick={() => setShown(shown * 10)}>
          {formatCount(entries.length - shown)} more
        </button>
      )}
    </details>
  );
}
