import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { readHeaders } from "../items/header-reads.ts";
import { decodeMessage } from "../messages/wire.ts";
import type { OutgoingMessage } from "../ports.ts";
import type { SubmitOutcome, SubmitRequest } from "../requests.ts";
import { type CreatedJob, createJob, type Draft, draftJob, launchJob, unlessUnwritable } from "./submit.ts";

/** Jobs whose reads are one call, whose writes go out together, and whose messages are one send. */
const SLICE = 100;

/** One submission of a batch, as far as it has come. */
interface Start {
  readonly request: SubmitRequest;
  draft?: Draft;
  made?: CreatedJob;
  refused?: { readonly error: unknown };
}

/**
 * Starts many jobs, and returns an outcome for each, in order. Each job is written as `submitJob` writes it, at the same
 * price. A failure of one leaves the others alone. After a failure of the send, or a death, any of its jobs may exist:
 * whoever repeats the batch with the same keys sends again what was left unsent.
 */
export async function submitJobs(
  context: Context,
  requests: readonly SubmitRequest[],
): Promise<readonly SubmitOutcome[]> {
  const outcomes: SubmitOutcome[] = [];
  for (let from = 0; from < requests.length; from += SLICE)
    outcomes.push(...(await submitSlice(context, requests.slice(from, from + SLICE))));
  return outcomes;
}

async function submitSlice(context: Context, requests: readonly SubmitRequest[]): Promise<SubmitOutcome[]> {
  const starts = requests.map((request): Start => ({ request }));
  await each(starts, async (start) => void (start.draft = draftJob(context, start.request)));
  const known = knownRoots(context, starts);
  await each(starts, async (start) => {
    const draft = start.draft as Draft;
    start.made = await createJob(context, draft, (await known).get(draft.owned.jobId));
  });
  await launch(context, starts);
  return starts.map(({ made, refused }) =>
    refused
      ? { error: refused.error }
      : { submitted: { jobId: made?.header.gid as string, created: made?.created === true } },
  );
}

/** Calls `work` for each start that was not refused. What it throws refuses that start. */
async function each(starts: readonly Start[], work: (start: Start) => Promise<void>): Promise<void> {
  const workOn = async (start: Start): Promise<void> => {
    try {
      await work(start);
    } catch (error) {
      start.refused = { error };
    }
  };
  await Promise.all(starts.filter(({ refused }) => !refused).map(workOn));
}
/** Returns the root headers of those jobs that an earlier submission with the same key may have created. */
async function knownRoots(context: Context, starts: readonly Start[]): Promise<ReadonlyMap<string, Header>> {
  const ids = starts.flatMap(({ draft }) => (draft?.fingerprint === undefined ? [] : [draft.owned.jobId]));
  const headers = await readHeaders(context, [...new Set(ids)]);
  return new Map(headers.flatMap((header) => (header ? [[header.gid, header]] : [])));
}
/** Sends what starts the jobs, in one call. A send that fails refuses every job that had a message in it. */
async function launch(context: Context, starts: readonly Start[]): Promise<void> {
  const messages: OutgoingMessage[] = [];
  const asked = new Set<string>();
  const { queue } = context;
  const gathering: Context = {
    ...context,
    queue: {
      maxDelaySeconds: queue.maxDelaySeconds,
      depth: (name) => queue.depth(name),
      send: async (some) => void messages.push(...some.filter(({ body }) => isNew(asked, body))),
    },
  };
  await each(starts, async ({ made, request }) => made && launchJob(gathering, made.header, request.token));
  if (messages.length === 0) return;
  const sending = unlessUnwritable(queue.send(messages));
  const sent = new Set(messages.map(({ jobId }) => jobId));
  await each(starts, async ({ made }) => (made && sent.has(made.header.gid) ? sending : undefined));
}
/** Returns false for a message that asks a dispatcher whom another message of the slice asks already. */
function isNew(asked: Set<string>, body: OutgoingMessage["body"]): boolean {
  const message = decodeMessage(body);
  if (message?.kind !== "dispatch") return true;
  if (asked.has(message.queue)) return false;
  asked.add(message.queue);
  return true;
}
