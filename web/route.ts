import { useEffect, useState } from "preact/hooks";

/** A place of the page, which its address says in full: `#/jobs?state=failure`. */
export interface Route {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}
function readRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
export type Query = Readonly<Record<string, string | undefined>>;
/** Returns the address of a place. Empty parameters are left out. */
export function to(path: readonly string[], query: Query = {}): string {
  const given = Object.entries(query).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "",
  );
  const text = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const change = (): void => setHash(location.hash);
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return readRoute(hash);
}
export function go(address: string): void {
  location.hash = address;
}
/** Changes parameters of the address. Typing in a filter makes no history. */
export function setQuery(route: Route, changes: { readonly [name in string]?: string | undefined }): void {
  const address = to(route.path, { ...Object.fromEntries(route.query), ...changes });
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
