import { useEffect, useState } from "preact/hooks";

const EVERY_MS = 1_000;
/** Draws again every second, for pages that say how long something lasts. Returns the time. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
