import { Dialog } from "./parts/dialog.tsx";

const KEYS = [
  ["/", "search on this page"],
  ["↑ ↓ or k j", "move through a list; Home and End go to its ends"],
  ["Enter", "open"],
  ["1 to 9", "tabs of a job"],
  ["g, then a letter", "open a page by its first letter: j, f, d, w, q, t, s, l, a, n"],
  ["+ − 0, arrows", "zoom and move the graph, when it has the focus"],
  ["Escape", "close a dialog"],
  ["?", "these keys"],
] as const;

export function Keys({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
