import type { ComponentChildren } from "preact";
import { visible } from "../format.ts";
import { codeOf } from "../server.ts";

/** What to do first, where there is nothing yet. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="strong">{title}</p>
      {children}
    </div>
  );
}
/** What went wrong with a call. A lost server has a banner of its own. */
export function Problem({ error }: { readonly error: Error | undefined }) {
  const code = codeOf(error);
  if (error === undefined || code === "engine_unavailable") return null;
  return (
    <p class="problem" role="alert">
      <bdi>{visible(error.message)}</bdi>
      {code !== undefined && <code> {code}</code>}
    </p>
  );
}
export function Loading({ what }: { readonly what: string }) {
  return <p class="quiet loading">reading {what} …</p>;
}
