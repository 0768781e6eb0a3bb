import { useEffect, useState } from "preact/hooks";
import type { Job, JobEvent } from "../../functions/client/index.ts";
import { isLive } from "../jobs/job-filter.ts";
import { server } from "../server.ts";

/** Events that a page keeps. A job with more has them in `fanfold failures` and `GET /jobs/{id}/events`. */
export const MOST_EVENTS = 5_000;
const GATHER_MS = 250;
const AGAIN_MS = 2_000;

export interface Events {
  readonly events: readonly JobEvent[];
  /** Absent while they are read for the first time. */
  readonly read?: true;
  /** There are more than are kept. */
  readonly more?: true;
}
/** Follows the events of a job, oldest first, at most `MOST_EVENTS` of them. */
export function useEvents(job: Job): Events {
  const [state, setState] = useState<Events>({ events: [] });
  const key = `${job.jobId} ${job.round} ${isLive(job)}`;
  useEffect(() => {
    const abort = new AbortController();
    const events: JobEvent[] = [];
    const show = (end?: Partial<Events>): void => setState({ events: [...events], ...end });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const follow = async (): Promise<void> => {
      events.length = 0;
      let shown = performance.now();
      try {
        for await (const event of server().events(job.jobId, { follow: isLive(job), signal: abort.signal })) {
          if (events.length >= MOST_EVENTS) return show({ read: true, more: true });
          events.push(event);
          clearTimeout(timer);
          if (performance.now() - shown > GATHER_MS) show({ read: true });
          else timer = setTimeout(() => show({ read: true }), GATHER_MS);
          shown = performance.now();
        }
        clearTimeout(timer);
        show({ read: true });
      } catch {
        if (!abort.signal.aborted) timer = setTimeout(() => void follow(), AGAIN_MS);
      }
    };
    void follow();
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return state;
}
