import { hasEnded, type Job, type JobState, type Page } from "../../functions/client/index.ts";
import { failedOf, isFailure } from "../states.ts";
import { server } from "../server.ts";

/** Which jobs to show. Every field is text, as the address of the page has it. */
export interface JobFilter {
  readonly state?: string | undefined;
  readonly workflow?: string | undefined;
  /** `name:value`. */
  readonly stamp?: string | undefined;
  /** Part of an id, a workflow, or an error. */
  readonly q?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** Only jobs with failures. */
  readonly wrong?: string | undefined;
}
const FIELDS = ["state", "workflow", "stamp", "q", "since", "until", "wrong"] as const;
export function filterOf(query: URLSearchParams): JobFilter {
  return Object.fromEntries(FIELDS.map((name) => [name, query.get(name) || undefined]));
}
export function isFiltered(filter: JobFilter): boolean {
  return FIELDS.some((name) => filter[name] !== undefined);
}

function isWrong(job: Job): boolean {
  return isFailure(job.state) || failedOf(job) > 0;
}
function matches(job: Job, { state, workflow, q, since, until, wrong }: JobFilter): boolean {
  if (state !== undefined && job.state !== state) return false;
  if (workflow !== undefined && job.workflow !== workflow) return false;
  if (wrong !== undefined && !isWrong(job)) return false;
  if (since !== undefined && job.createdAt < Date.parse(since)) return false;
  if (until !== undefined && job.createdAt > Date.parse(until)) return false;
  if (q === undefined) return true;
  const { jobId, workflow: name = "", error } = job;
  const text = [jobId, name, error?.name, error?.reason, error?.message, error?.runId].join("\n").toLowerCase();
  return text.includes(q.toLowerCase());
}

/** Jobs that one call reads, and jobs that are looked through before the list asks the user. */
const PAGE = 100;
const MOST_READ = 1_000;
/**
 * Reads the next jobs that match. The server knows states and stamps; the rest is looked through here, at most a
 * thousand jobs a time.
 */
export async function findJobs(filter: JobFilter, cursor: string | undefined, wanted = 50): Promise<Page<Job>> {
  const items: Job[] = [];
  const since = filter.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(filter.since);
  let next = cursor;
  let read = 0;
  do {
    const page = await server().jobs({
      limit: PAGE,
      ...(next !== undefined && { cursor: next }),
      ...(filter.state !== undefined && { state: filter.state as JobState }),
      ...stampOf(filter.stamp),
    });
    read += PAGE;
    items.push(...page.items.filter((job) => matches(job, filter)));
    next = page.cursor;
    // Newest first: nothing behind a job that is too old can match.
    if (page.items.some((job) => job.createdAt < since)) next = undefined;
  } while (next !== undefined && items.length < wanted && read < MOST_READ);
  return { items, ...(next !== undefined && { cursor: next }) };
}
/** Yields all jobs that match, page by page. */
export async function* allJobs(filter: JobFilter): AsyncGenerator<readonly Job[], void, undefined> {
  let cursor: string | undefined;
  do {
    const page: Page<Job> = await findJobs(filter, cursor);
    yield page.items;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
function stampOf(stamp: string | undefined): { stamp?: { name: string; value: string | number | boolean | null } } {
  const [, name, text] = /^([^:]+):(.*)$/s.exec(stamp ?? "") ?? [];
  if (name === undefined || text === undefined) return {};
  return { stamp: { name, value: jsonOrText(text) } };
}
function jsonOrText(text: string): string | number | boolean | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? text : (value as string | number | boolean | null);
  } catch {
    return text;
  }
}
export function isLive(job: Job): boolean {
  return !hasEnded(job) || !job.countsExact;
}
