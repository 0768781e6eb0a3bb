import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./notes.tsx";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}
/** A dialog over the page. Escape closes it. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  return (
    <dialog ref={element} onClose={onClose} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps<T> {
  readonly title: string;
  /** Looks what the action would do. Changes nothing. */
  readonly look: (options: readonly string[]) => Promise<T>;
  /** Says what it would do. */
  readonly say: (would: T) => ComponentChildren;
  /** The words of the button; undefined when there is nothing to do. */
  readonly button: (would: T) => string | undefined;
  readonly act: (would: T, options: readonly string[]) => Promise<ComponentChildren>;
  readonly danger?: boolean;
  readonly options?: readonly { readonly name: string; readonly label: string }[];
  readonly onClose: () => void;
}
/** Says what an action would do, by a dry run, before its button can be pressed; and what it has done, after. */
export function Confirm<T>({ title, look, say, button, act, danger, options = [], onClose }: ConfirmProps<T>) {
  const [would, setWould] = useState<T>();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [done, setDone] = useState<ComponentChildren>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  useEffect(() => {
    let ended = false;
    setWould(undefined);
    setError(undefined);
    look(chosen).then(
      (found) => ended || setWould(() => found),
      (problem: unknown) => ended || setError(problem as Error),
    );
    return () => void (ended = true);
  }, [chosen]);
  const words = would === undefined ? undefined : button(would);
  const run = (): void => {
    if (would === undefined) return;
    setBusy(true);
    setError(undefined);
    act(would, chosen)
      .then(
        (text) => setDone(() => text),
        (problem: unknown) => setError(problem as Error),
      )
      .finally(() => setBusy(false));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="said" aria-live="polite">
        {done ?? (would === undefined ? !error && <p class="quiet">looking what it would do …</p> : say(would))}
      </div>
      {done === undefined &&
        options.map(({ name, label }) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={(event) =>
                setChosen(event.currentTarget.checked ? [...chosen, name] : chosen.filter((each) => each !== name))
              }
            />
            {label}
          </label>
        ))}
      <Problem error={error} />
      <div class="actions">
        {done === undefined && words !== undefined && (
          <button type="button" class={danger ? "danger" : "primary"} disabled={busy} onClick={run}>
            {busy ? "working …" : words}
          </button>
        )}
        <button type="button" onClick={onClose}>
          {done === undefined ? "Leave it" : "Close"}
        </button>
      </div>
    </Dialog>
  );
}
