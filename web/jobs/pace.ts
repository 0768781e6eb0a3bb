import type { Job } from "../../functions/client/index.ts";
import { endedOf } from "../states.ts";

/** How fast a job goes, from what this page has seen of it. */
export interface Pace {
  readonly perSecond: number;
  /** Milliseconds until the runs that are known have ended. */
  readonly left: number | undefined;
}
interface Sample {
  readonly at: number;
  readonly ended: number;
}
const WINDOW_MS = 20_000;
const samples = new Map<string, Sample[]>();

/** Notes what a job has done by now. */
export function noteProgress(job: Job, now = Date.now()): void {
  const kept = (samples.get(job.jobId) ?? []).filter(({ at }) => at > now - WINDOW_MS);
  kept.push({ at: now, ended: endedOf(job) });
  samples.set(job.jobId, kept);
  if (samples.size > 500) samples.delete(samples.keys().next().value as string);
}
export function paceOf(job: Job): Pace | undefined {
  const kept = samples.get(job.jobId) ?? [];
  const [first] = kept;
  const last = kept.at(-1);
  if (!first || !last || last.at - first.at < 1_000 || last.ended <= first.ended) return undefined;
  const perSecond = (1_000 * (last.ended - first.ended)) / (last.at - first.at);
  const rest = job.planned - last.ended;
  return { perSecond, left: rest > 0 ? (1_000 * rest) / perSecond : undefined };
}
