import { type Client, createClient } from "../functions/client/index.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import { token } from "./session.ts";

/** What is known of the server: it answers, it does not, or it does not know this page's token. */
export type Link = "ok" | "lost" | "refused";
let link: Link = "ok";
const watchers = new Set<(link: Link) => void>();
function setLink(next: Link): void {
  if (link === next) return;
  link = next;
  for (const watcher of watchers) watcher(next);
}
export function useLink(): Link {
  const [state, setState] = useState(link);
  useEffect(() => {
    watchers.add(setState);
    setState(link);
    return () => void watchers.delete(setState);
  }, []);
  return state;
}

/** Answers of a proxy whose server does not answer. */
const GATEWAY = new Set([502, 504]);
async function send(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    setLink(response.status === 401 ? "refused" : GATEWAY.has(response.status) ? "lost" : "ok");
    return response;
  } catch (error) {
    if (!request.signal.aborted) setLink("lost");
    throw error;
  }
}
let made: Client | undefined;
/** Returns the client of the server that this page came from. */
export function server(): Client {
  const own = token();
  return (made ??= createClient({ url: location.origin, fetch: send, ...(own !== undefined && { token: own }) }));
}

export interface Live<T> {
  readonly value: T | undefined;
  /** The last call failed. `value` is then what the call before gave. */
  readonly error: Error | undefined;
  readonly reload: () => void;
}
const RETRY_MS = 1_000;
const MOST_RETRY_MS = 5_000;
/**
 * Calls `load` now and, while `every` returns milliseconds, again and again. A value that is the same keeps its
 * identity, so nothing is drawn anew. A hidden page waits. After a failure it tries again, also when it would not have
 * called again.
 */
export function useLive<T>(
  key: string,
  load: () => Promise<T>,
  every: (value: T) => number | undefined = () => undefined,
): Live<T> {
  const [state, setState] = useState<{ key: string; value?: T; error?: Error }>({ key });
  const latest = useRef({ load, every });
  latest.current = { load, every };
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let ended = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let text: string | undefined;
    let failures = 0;
    const next = (milliseconds: number | undefined): void => {
      if (!ended && milliseconds !== undefined) timer = setTimeout(() => void call(), milliseconds);
    };
    const call = async (): Promise<void> => {
      if (document.hidden) return next(RETRY_MS);
      try {
        const value = await latest.current.load();
        if (ended) return;
        failures = 0;
        const now = JSON.stringify(value);
        if (now !== text) setState({ key, value });
        else setState((before) => (before.error ? { key, value: before.value as T } : before));
        text = now;
        next(latest.current.every(value));
      } catch (error) {
        if (ended) return;
        failures++;
        text = undefined;
        setState((before) => ({ ...(before.key === key ? before : { key }), error: error as Error }));
        const passing = (error as { retryable?: boolean }).retryable === true;
        if (passing) next(Math.min(MOST_RETRY_MS, RETRY_MS * failures));
      }
    };
    void call();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [key, turn]);
  const mine = state.key === key ? state : { key };
  return { value: mine.value, error: mine.error, reload: () => setTurn((n) => n + 1) };
}

/** Returns the error's code, or undefined for one that is none of the server. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code;
}
