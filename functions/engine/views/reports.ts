import { FanfoldError } from "../../core/errors.ts";
import { isShared, jobIdOf } from "../../core/plan/run-id.ts";
import type { ItemReport } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { Page, ReportView } from "../job-views.ts";
import type { ReportFilter } from "../requests.ts";
import { readHeader } from "../items/header-reads.ts";
import { listStreams, type ListedStream, readPage, readStream } from "../items/report-items.ts";
import { readRunById } from "../items/run-reads.ts";
import { wrongCursor } from "./job-view.ts";

/** Yields the reports of a run of a job, or of a shared run, page by page. Throws `run_not_found`. */
export async function* reportsOfRun(
  context: Context,
  jobId: string,
  runId: string,
): AsyncGenerator<readonly ItemReport[], void, undefined> {
  const run = isShared(runId) || jobIdOf(runId) === jobId ? await readRunById(context, runId) : undefined;
  if (!run) throw new FanfoldError("run_not_found", `there is no run ${runId.slice(0, 200)} in this job`);
  const stream = await readStream(context, run);
  for (let page = 1; page <= (stream?.sequence ?? 0); page++)
    if (stream) yield await readPage(context, run, stream, page);
}

/**
 * Lists the reports that the runs of a job have streamed so far, or one of its runs: run by run, each in the order in
 * which they were stored. Throws `job_not_found`, `run_not_found`, `invalid_request` for a cursor of another list.
 */
export async function listReports(context: Context, jobId: string, filter: ReportFilter): Promise<Page<ReportView>> {
  const { runId, cursor } = filter;
  const limit = Math.min(filter.limit ?? DEFAULT_LIMIT, 10_000);
  const at = cursor === undefined ? undefined : placeOf(cursor, jobId, runId);
  const streams = runId === undefined ? await streamsOf(context, jobId, at?.runId) : [await streamOf(context, runId)];
  const items: ReportView[] = [];
  let bytes = 0;
  for (const [k, { runId: of, since }] of streams.entries()) {
    const run = { runId: of, jobId, since };
    const stream = await readStream(context, run);
    const begins = k === 0 && at?.runId === of ? at : { page: 1, skip: 0 };
    for (let { page, skip } = begins; page <= (stream?.sequence ?? 0); page++, skip = 0) {
      const reports = (await readPage(context, run, stream as NonNullable<typeof stream>, page)).slice(skip);
      for (const [index, report] of reports.entries()) {
        if (items.length === limit || bytes > MOST_BYTES) return { items, cursor: `${of}!${page}.${skip + index}` };
        items.push({ runId: of, ...report });
        bytes += JSON.stringify(report.item).length;
      }
    }
  }
  const next = streams.length === STREAMS_READ ? streams.at(-1) : undefined;
  // The last one is read again at its end, where nothing follows.
  return { items, ...(next && { cursor: `${next.runId}!${Number.MAX_SAFE_INTEGER}.0` }) };
}
const DEFAULT_LIMIT = 1_000;
/** Size of an answer after which it ends, in characters. */
const MOST_BYTES = 1_024 * 1_024;
/** Runs that one call looks at. */
const STREAMS_READ = 50;

async function streamsOf(context: Context, jobId: string, from: string | undefined): Promise<readonly ListedStream[]> {
  if (!(await readHeader(context, jobId)))
    throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  return listStreams(context, jobId, { from, limit: STREAMS_READ });
}
async function streamOf(context: Context, runId: string): Promise<ListedStream> {
  const run = await readRunById(context, runId);
  if (run) return { runId, since: run.since ?? 0 };
  throw new FanfoldError("run_not_found", `there is no run ${runId.slice(0, 200)}`);
}
/** Reads a cursor: the run, the page and the report that come next. */
function placeOf(cursor: string, jobId: string, runId: string | undefined) {
  const [, of, page, skip] = /^([0-9A-Za-z_.~-]{1,900})!(\d{1,16})\.(\d{1,6})$/.exec(cursor) ?? [];
  if (of === undefined || jobIdOf(of) !== jobId || (runId !== undefined && of !== runId)) throw wrongCursor();
  return { runId: of, page: Number(page), skip: Number(skip) };
}
