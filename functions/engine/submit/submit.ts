import { encodeCanvas } from "../../core/canvas/canvas-wire.ts";
import type { JobEstimate } from "../../core/cost/job-estimate.ts";
import type { PlanPages } from "../../core/cost/work-count.ts";
import { FanfoldError } from "../../core/errors.ts";
import type { Attributes } from "../../core/items/item.ts";
import { canonicalJson, type Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { type GroupStep, isGroupStep, plannedAhead, type Strand } from "../../core/plan/plan.ts";
import { childGroupOf, runIdOf } from "../../core/plan/run-id.ts";
import { stampsOfStrand } from "../../core/plan/stamps.ts";
import type { Context } from "../context.ts";
import type { OpenJobRequest, SubmitRequest, Submitted } from "../requests.ts";
import { openGroupStep, resumeWaiting, takesOf } from "../follow/resume-waiting.ts";
import { expandMembers } from "../groups/expand-group.ts";
import { readGate } from "../groups/gate.ts";
import { renewMember } from "../rounds/renew-member.ts";
import { isRevoked } from "../groups/revocations.ts";
import { type Header, ITEM_VERSION, type JobSeed, type Owned } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { createHeader, type HeaderWrite } from "../items/header-writes.ts";
import { rootChange } from "../items/root-row.ts";
import { readRun } from "../items/run-reads.ts";
import { keepBlobs } from "../items/shared-blobs.ts";
import { jsonBytes, keepText } from "../items/values.ts";
import { indexedStamp, listJob } from "../jobs/job-item.ts";
import { keepToken } from "../jobs/supervision.ts";
import { sendControl } from "../messages/send.ts";
import { compileChild, refuseShare } from "../plan/compile-child.ts";
import { chunksOf } from "./items.ts";
import { keptEstimate, estimateJob } from "../plan/estimate-job.ts";
import { inlineStep, rootStep } from "../plan/job-shape.ts";
import { NO_PAGES } from "../plan/plan-pages.ts";
import { PortError } from "../ports.ts";

/**
 * Starts a job: list, plan, root header and one message, however large the canvas. The root header is the job. Before
 * its write no job exists; after it the sweeper sends what a death left unsent.
 */
export async function submitJob(context: Context, request: SubmitRequest): Promise<Submitted> {
  return start(context, request, jobStrand(context, request), () => encodeCanvas(request.canvas));
}
function jobStrand(context: Context, { canvas }: SubmitRequest): Strand {
  return compileChild(context, canvas, "/canvas");
}
/**
 * Starts a job whose first step is an open group that is filled from outside. The group exists when this returns, so
 * pages may come.
 */
export async function submitOpenJob(context: Context, request: OpenJobRequest): Promise<Submitted> {
  const { body, policy = "allSuccess", items } = request;
  const strand = openJobStrand(context, request);
  const submitted = await start(context, request, strand, () => ({
    policy,
    body: body ? encodeCanvas(body) : null,
    ...(items && { items: { ...items, each: encodeCanvas(items.each) } }),
  }));
  await unlessUnwritable(openInputGroup(context, submitted.jobId, strand[0]));
  return submitted;
}
/** Does now what the message of the first step would do. */
export async function openInputGroup(context: Context, jobId: string, input: GroupStep): Promise<void> {
  const gate = await readGate(context, jobId);
  if (gate.kind !== "go") return;
  const ref = { gid: jobId, index: 0, stepIndex: 0 };
  const seen = await readRun(context, ref);
  // A retry may have opened the job again, and not come to its first run yet.
  const run = seen && seen.round < gate.header.round ? (await renewMember(context, gate.header, 0)).run : seen;
  if (run?.status === "waiting") await resumeWaiting(context, run);
  else if (!run && !(await isRevoked(context, gate.header, ref)))
    await openGroupStep(context, gate.header, ref, run, input);
}
function openJobStrand(
  context: Context,
  { body, policy = "allSuccess", items }: OpenJobRequest,
): [GroupStep, ...Strand] {
  const after = body ? compileChild(context, body, "/body") : [];
  refuseShare(policy);
  return [
    { policy, tracking: "lazy", members: { input: true, ...(items && { items: chunksOf(context, items) }) } },
    ...after,
  ];
}
/** Returns what a submission would take. Refuses what the submission would refuse, and stores nothing. */
export function estimateSubmission(
  context: Context,
  request: SubmitRequest | OpenJobRequest,
  secondsPerTask?: number,
): JobEstimate {
  checkKey(request.idempotencyKey);
  timeoutOf(context, request.timeoutSeconds);
  return estimateJob(
    context,
    "canvas" in request ? jobStrand(context, request) : openJobStrand(context, request),
    secondsPerTask,
  );
}

type Request = Omit<SubmitRequest, "canvas">;
async function start(context: Context, request: Request, strand: Strand, content: () => Json): Promise<Submitted> {
  const draft = draftOf(context, request, strand, content);
  // Only a request with a key, or an id, may be the second one.
  const known = draft.fingerprint === undefined ? undefined : await readHeader(context, draft.owned.jobId);
  const { header, created } = await createJob(context, draft, known);
  await launchJob(context, header, request.token);
  return { jobId: draft.owned.jobId, created };
}
/** A submission that was checked, before anything of it is stored. */
export interface Draft {
  readonly request: Request;
  readonly strand: Strand;
  /** Absent when the request has neither key nor id. */
  readonly fingerprint: string | undefined;
  readonly owned: Owned;
  readonly createdAt: number;
  readonly deadline: number;
}
/** Checks a submission of a canvas, and returns what is stored of it. */
export function draftJob(context: Context, request: SubmitRequest): Draft {
  return draftOf(context, request, jobStrand(context, request), () => encodeCanvas(request.canvas));
}
function draftOf(context: Context, request: Request, strand: Strand, content: () => Json): Draft {
  checkKey(request.idempotencyKey);
  const timeoutSeconds = timeoutOf(context, request.timeoutSeconds);
  const fingerprint = fingerprintOf(context, request, content);
  const jobId = request.jobId ?? newJobId(context, request);
  const createdAt = context.clock.now();
  const deadline = createdAt + timeoutSeconds * 1_000;
  const owned = { v: ITEM_VERSION, jobId, ttl: Math.ceil(deadline / 1_000) + context.config.retentionSeconds };
  return { request, strand, fingerprint, owned, createdAt, deadline };
}
/** A job that exists. `created` is false when an earlier submission created it. */
export interface CreatedJob {
  readonly header: Header;
  readonly created: boolean;
}
/** Creates the job of a draft, unless it is there. `known` is its root header as read before. */
export async function createJob(context: Context, draft: Draft, known: Header | undefined): Promise<CreatedJob> {
  const { request, fingerprint, owned } = draft;
  if (known) requireSame(known, fingerprint);
  if (request.token !== undefined) await keepToken(context, owned, request.token);
  const { applied, header } = known ? { applied: false, header: known } : await createRoot(context, draft);
  if (!header) throw new FanfoldError("internal", `the root of job ${owned.jobId} vanished while it was created`);
  requireSame(header, fingerprint);
  return { header, created: applied };
}
/** Sends what starts a job. A submission with the same key, or the sweeper, may repeat it. */
export async function launchJob(context: Context, header: Header, token?: string): Promise<void> {
  if (header.state === "open") await unlessUnwritable(expandMembers(context, header, 0, 1));
  // A token that came after the end of the job is answered by another settle.
  if (token !== undefined && header.outcome !== undefined)
    await sendControl(context, { kind: "settle", gid: header.gid });
}
function requireSame(root: Header, fingerprint: string | undefined): void {
  if (root.job?.fingerprint === fingerprint) return;
  throw new FanfoldError(
    "idempotency_conflict",
    "this Idempotency-Key was used for another request: use a new key, or send the first request again",
    { details: { field: "Idempotency-Key", jobId: root.jobId } },
  );
}
/**
 * Puts a job into the lists, stores its plan, and then creates its root header. A job of one small task has its plan in
 * the header. A job whose first step is a group begins with the row that waits for it.
 */
async function createRoot(
  context: Context,
  { request, strand, fingerprint, owned, createdAt, deadline }: Draft,
): Promise<HeaderWrite> {
  const { jobId } = owned;
  const step = inlineStep(strand);
  const page = fingerprint === undefined ? jobId : `${jobId}!${fingerprint}`;
  // A page of a plan keeps the blobs that it names. This step is on no page.
  if (step) await keepBlobs(context, step as unknown as Json, owned.ttl);
  const stored = step ? undefined : await context.plans.write(context, page, rootStep(strand), owned);
  const job = await jobSeed(context, request, jobId, fingerprint, strand, stored?.took ?? NO_PAGES);
  await listJob(context, owned, createdAt, job);
  const root = {
    ...owned,
    round: 0,
    memberCount: 1,
    height: 1,
    policy: "allSuccess" as const,
    tracking: "lazy" as const,
    ...(step ? { step } : { plan: stored?.pointer as string }),
    expanded: true,
    deadline,
    job,
    ...firstRow(jobId, strand),
  };
  return createHeader(context, jobId, root, createdAt);
}
/** Returns the row of a first step that is a group: it waits from the start. */
function firstRow(jobId: string, [step]: Strand): Attributes {
  if (!step || !isGroupStep(step)) return {};
  const joins = childGroupOf(runIdOf(jobId, 0, 0));
  const row = { status: "waiting", round: 0, attempt: 0, joins, ownCounts: {}, takes: takesOf(step) };
  return rootChange({ set: row }).set ?? {};
}
/**
 * Returns the hash by which a repeated submission is compared with the first; undefined when the request has neither
 * key nor id.
 */
function fingerprintOf(
  context: Context,
  { idempotencyKey, jobId, workflow, parameters, timeoutSeconds }: Request,
  content: () => Json,
): string | undefined {
  if (idempotencyKey === undefined && jobId === undefined) return undefined;
  const request = [workflow ?? null, parameters ?? null, timeoutSeconds ?? null, content()];
  return context.ids.hash(canonicalJson(request)).slice(0, 32);
}
/** Returns what the root header says of its job. */
async function jobSeed(
  context: Context,
  { parameters, workflow, token, schedule, principal = LOCAL }: Request,
  jobId: string,
  fingerprint: string | undefined,
  strand: Strand,
  pages: PlanPages,
): Promise<JobSeed> {
  const stamps = stampsOfStrand(strand, LIMITS.indexedStamps).map((text) => indexedStamp(context, text));
  return {
    planned: plannedAhead(strand),
    ...(stamps.length > 0 && { stamps }),
    estimate: keptEstimate(context, strand, pages),
    ...(await keepParameters(context, jobId, fingerprint, parameters)),
    ...(workflow !== undefined && { workflow }),
    ...(principal !== LOCAL && { principal: context.ids.hash(`principal ${principal}`).slice(0, 16) }),
    ...(fingerprint !== undefined && { fingerprint }),
    ...(token !== undefined && { supervised: true as const }),
    ...(schedule !== undefined && { schedule }),
  };
}
/** The submitter of what names none. */
const LOCAL = "local";
/** Returns the id of a new job. The same key of the same principal gives the same id. */
export function newJobId(
  context: Context,
  { principal = LOCAL, idempotencyKey }: Pick<SubmitRequest, "principal" | "idempotencyKey">,
): string {
  checkKey(idempotencyKey);
  return idempotencyKey === undefined
    ? context.ids.job()
    : context.ids.hash(`job ${JSON.stringify([principal, idempotencyKey])}`).slice(0, 32);
}
/**
 * Returns the parameters as the root header keeps them. Larger ones become a blob, because a header is written several
 * times and billed by its size.
 */
async function keepParameters(
  context: Context,
  jobId: string,
  fingerprint: string | undefined,
  parameters: Request["parameters"],
): Promise<Partial<JobSeed>> {
  if (parameters === undefined) return {};
  const text = JSON.stringify(parameters);
  if (jsonBytes(text) <= INLINE_PARAMETERS) return { parameters };
  const parametersRef = `${jobId}/parameters/${fingerprint ?? ""}`;
  await keepText(context, parametersRef, text);
  return { parametersRef };
}
/** In bytes. */
const INLINE_PARAMETERS = 512;

/**
 * Lets the disk fill up after the write of the root header. To refuse the submission then would be a lie, because its
 * job exists. A sweep finishes what is left as soon as there is room. Any other failure is told, since a caller that
 * repeats its submission with the same key is sooner than the sweeper.
 */
export async function unlessUnwritable(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof PortError) || error.kind !== "unwritable") throw error;
  });
}

/** Throws `invalid_request` for a key that is empty or too long. */
export function checkKey(key: string | undefined): void {
  if (key === undefined) return;
  if (key.length === 0 || key.length > LIMITS.idempotencyKeyCharacters) {
    throw new FanfoldError(
      "invalid_request",
      `an Idempotency-Key has 1 to ${LIMITS.idempotencyKeyCharacters} characters`,
      {
        details: { field: "Idempotency-Key" },
      },
    );
  }
}
function timeoutOf(context: Context, seconds: number | undefined): number {
  const { defaultJobTimeoutSeconds, maxJobTimeoutSeconds } = context.config;
  if (seconds === undefined) return defaultJobTimeoutSeconds;
  if (!(seconds > 0 && seconds <= maxJobTimeoutSeconds)) {
    throw new FanfoldError(
      "invalid_request",
      `a job's timeout is more than 0 and at most ${maxJobTimeoutSeconds} seconds`,
      {
        details: { field: "/timeoutSeconds", limit: maxJobTimeoutSeconds },
      },
    );
  }
  return seconds;
}
