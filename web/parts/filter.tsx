import type { ComponentChildren } from "preact";

interface FilterProps {
  /** What the text may be. */
  readonly label: string;
  readonly text: string;
  readonly onText: (text: string) => void;
  /** Set when each text is asked for at the server: then it is given once it is whole. */
  readonly whole?: boolean;
  /** Further choices. */
  readonly children?: ComponentChildren;
}
/** The head of a list: a text to search for, and further choices. The key `/` goes to it. */
export function Filter({ label, text, onText, whole = false, children }: FilterProps) {
  const give = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void => onText(currentTarget.value);
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        {...(whole ? { onChange: give } : { onInput: give })}
      />
      {children}
    </form>
  );
}
