import type { FailurePolicy, Tracking } from "../core/canvas/canvas.ts";
import type { Estimate } from "../core/cost/job-cost.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Counts } from "../core/plan/counts.ts";
import { leafOf, localIndex } from "../core/plan/ledger.ts";
import type { GroupStep, WaitStep } from "../core/plan/plan.ts";
import type { RunRef, LinkKind } from "../core/plan/run-id.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { ErrorData } from "../core/task/invocation.ts";
import type { Attributes, Item, Key } from "./ports.ts";

/**
 * Every item kind: its key, attributes and cost (docs/protocol-rules.md, section 3). Sizes are typical; a write costs one unit per started KB of
 * the larger of before and after. Every item of a job carries `v`, `jobId` and `ttl` from its first write.
 *
 * | item           | table, key                                     | size      | written                                                 |
 * |----------------|------------------------------------------------|-----------|---------------------------------------------------------|
 * | group header   | callbacks `G#<gid>` / `!`                      | < 1 KB    | create 2 (index), expanded 1, outcome 1, close 2         |
 * | ledger node    | callbacks `L#<gid>#<round>#<level>#<node>` / `!` | < 1 KB  | 1 per batch of members of one leaf                      |
 * | run            | tasks `G#<gid>#<leaf>` / `C#<local>#<step>`    | < 1 KB + value <= 4 KB | claim 1, commit 1, queue or wait 1         |
 * | plan page      | tasks `N#<page>` / `!`                         | <= 4 KB, else a blob | once                                         |
 * | run detail     | tasks `D#<runId>` / `<round>.<attempt>`        | <= 200 KB | once, only when there is a log or a stack               |
 * | progress       | tasks `P#<jobId>#<shard>` / `!`                | < 1 KB    | once per follow-up batch; approximate                   |
 * | job            | tasks `J#<jobId>` / `!`                        | 1-2 KB    | submit, end                                             |
 * | job index      | tasks `JS#<state or all>` / `<createdAt>#<jobId>` | < 1 KB | submit 2, end 2                                         |
 * | job by stamp   | tasks `JX#<stamp>` / `<createdAt>#<jobId>`     | < 1 KB    | submit: 1 per stamp, at most 16; none without stamps    |
 * | supervisor     | tasks `T#<jobId>` / `!`                        | 1-2 KB    | of supervised jobs only: submit, answered               |
 * | event sent in  | tasks `E#<jobId>#<name>` / `!`                 | < 1 KB + value | once per name                                       |
 * | waiter         | tasks `W#<jobId>#<name>` / `<hash of gid or runId>` | < 1 KB | once per group, or run, that waits for the event        |
 * | execution      | tasks `X#<jobId>` / `<its name>`               | < 1 KB    | before it is started: which group waits for it          |
 * | event          | tasks `V#<jobId>` / `<at>#<id>`                | < 1 KB    | per state change and failure, never per success         |
 */
export const ITEM_VERSION = 1;

/** Attributes that every item of a job has. `ttl`: seconds since the epoch. */
export interface Owned {
  readonly v: number;
  readonly jobId: string;
  readonly ttl: number;
}

/** A stored value: inline, or the name of the blob that holds it. */
export type Kept = { readonly value: Json } | { readonly valueRef: string };

export type Outcome = "complete" | "failed" | "cancelled" | "timeout" | "dropped";
export interface HeaderAttributes extends Owned {
  readonly state: "open" | "closed";
  readonly round: number;
  /** Absent until an open group is sealed. */
  readonly memberCount?: number;
  readonly height: number;
  /** The run that waits for this group; absent on a root. */
  readonly joins?: string;
  readonly policy: FailurePolicy;
  readonly tracking: Tracking;
  /** Pointer to the group step in the plan; absent when members are pages. */
  readonly plan?: string;
  /** The run whose value the first step of every member is given: the one before the group step. */
  readonly input?: string;
  /** Callbacks beside the run that it names as `joins`, which has ended and does not wait. */
  readonly side?: LinkKind;
  /** Of the two members in the plan only this one runs: it is member 0. */
  readonly only?: number;
  /** The only member's strand is this often the one in the plan, and ends as soon as its value is such. */
  readonly repeat?: NonNullable<GroupStep["repeat"]>;
  /** Without members: sealed by an answer, which needs the token of an approval. */
  readonly wait?: Pick<WaitStep, "of" | "name" | "expires">;
  readonly token?: string;
  /** Name of the execution that is waited for, stored before it is started. Such a header is closed once nothing of it runs any more. */
  readonly execution?: string;
  readonly answerId?: string;
  readonly ownError?: RunError;
  /** `input` has failed, and what is given is its error. Of a group inside an error link. */
  readonly givesError?: boolean;
  /** Members are pages: runs that carry their own plan. */
  readonly pages?: boolean;
  readonly expanded?: boolean;
  readonly outcome?: Outcome;
  readonly totals?: Counts;
  /** The totals are a snapshot: the group decided before all members ended. */
  readonly early?: boolean;
  readonly firstError?: string;
  /** Members that were revoked, each with the first step that must not run: `<member>~<step>`. */
  readonly revoked?: ReadonlySet<string>;
  /** Of a root: stamps whose runs were revoked, each as `<name>=<canonical JSON>`. The gate hands them on to the headers below, which have none of their own. */
  readonly revokedStamps?: ReadonlySet<string>;
  /** Value of the owner of an open group, kept from seal to commit; or the answer that a group without members waited for. */
  readonly ownValue?: Kept;
  readonly createdAt: number;
  /** Of a root: milliseconds since the epoch at which the sweeper decides `timeout`. */
  readonly deadline?: number;
  /** Of a root: what a job item is made of again if its writer died. */
  readonly job?: JobSeed;
  /** In the index of open headers while not closed. */
  readonly openShard?: string;
  readonly nextCheck?: number;
  /** Ledger size at the last check, and how many checks in a row found it unmoved. */
  readonly seenMarks?: number;
  readonly stalls?: number;
}
export interface Header extends HeaderAttributes {
  readonly gid: string;
}

export interface LedgerAttributes extends Owned {
  readonly done: ReadonlySet<number>;
  /** Of a leaf: parts with the values of members that have no row, see thin.ts. */
  readonly parts?: ReadonlySet<string>;
  /** Counters are flat attributes beside `done`: success, skipped, error, broken, cancelled, failedMembers, members, u_<name>. */
  readonly [counter: string]: number | string | ReadonlySet<number> | ReadonlySet<string> | undefined;
}

export interface RunAttributes extends Owned {
  readonly status: RunStatus;
  readonly round: number;
  readonly attempt: number;
  readonly task?: string;
  readonly leaseOwner?: string;
  readonly leaseUntil?: number;
  readonly epoch?: number;
  /** Claim token of the last fenced write: how a writer recognises its own lost response. */
  readonly writer?: string;
  /** Counters of the steps before. */
  readonly carry?: Counts;
  /** Of a terminal run; absent means one run of its status. */
  readonly counts?: Counts;
  readonly value?: Json;
  readonly valueRef?: string;
  /** The value is this group's results. */
  readonly collects?: string;
  /** Kept while waiting. */
  readonly ownCounts?: Counts;
  readonly ownValue?: Json;
  readonly ownValueRef?: string;
  /** What the run's value will be once its child group is settled. */
  readonly takes?: "own" | "group" | "replace" | "extras" | "answer";
  readonly joins?: string;
  /** Plan pointer of the group step that the run opens: of an outbox, a page, or input. */
  readonly manifest?: string;
  /** A page of an open group; `cursorAfter` says where its owner goes on. */
  readonly page?: boolean;
  readonly cursorAfter?: PageCursor;
  readonly contentHash?: string;
  /** The run's child group is open: ended with `dropped` when the run itself fails. */
  readonly openGroup?: boolean;
  readonly failCount?: number;
  readonly killsAlone?: number;
  readonly alone?: boolean;
  /** Attempt whose holder a supervisor saw die. */
  readonly died?: number;
  readonly notBefore?: number;
  readonly expiresAt?: number;
  readonly due?: number;
  readonly dueShard?: string;
  /** Of a deferred run: what must happen before it runs again, `event:<name>` each. */
  readonly unmet?: ReadonlySet<string>;
  /** By name of an event: until when the run waits for it, from its first look on. */
  readonly eventDeadlines?: { readonly [name: string]: number };
  /** When a worker first did not know the task. */
  readonly unknownSince?: number;
  readonly sentAt?: number;
  readonly sends?: number;
  /** How often its message was given up by a queue. */
  readonly deadLetters?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly error?: RunError;
}
/** A run as read, with what its key says. */
export interface Run extends RunAttributes, RunRef {
  readonly runId: string;
}
/** Short form kept on the row; `runId` names the run that failed first. The stack is in the run's detail item. */
export interface RunError extends ErrorData {
  readonly runId?: string;
}
/** A streaming owner goes on at `cursor` and skips `skip` items after it; `items` counts all before. */
export interface PageCursor {
  readonly cursor?: Json;
  readonly skip: number;
  readonly items: number;
}

export interface JobSeed {
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  /** Of larger ones. */
  readonly parametersRef?: string;
  readonly fingerprint?: string;
  readonly planned: number;
  /** By which the job is found: `indexedStamp` of each. */
  readonly stamps?: readonly string[];
  /** What its plan was estimated to take; absent in jobs of earlier releases. */
  readonly estimate?: Estimate;
  /** A task token waits for its end: see supervision.ts. */
  readonly supervised?: true;
}
export interface JobAttributes extends Owned, JobSeed {
  readonly state: "pending" | "started" | "success" | "failure" | "cancelled" | "timed-out";
  readonly createdAt: number;
  readonly deadline: number;
  readonly endedAt?: number;
  readonly outcome?: Outcome;
  readonly counts?: Counts;
  readonly countsExact?: boolean;
  readonly error?: RunError;
  readonly value?: Json;
  readonly valueRef?: string;
  readonly collects?: string;
}

/** Written with log lines, and read as plain JSON. */
export interface DetailAttributes<Line extends LogLine | Json = Json> extends Owned {
  readonly log: readonly Line[];
  /** Lines left out between head and tail. */
  readonly dropped: number;
  readonly stack?: string;
}
export interface LogLine {
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly fields?: JsonObject;
}
/** What people see of a job's course. `at` is in milliseconds since the epoch. */
export interface JobEventAttributes extends Owned {
  readonly at: number;
  readonly kind: "state" | "failure";
  readonly state?: JobAttributes["state"];
  readonly runId?: string;
  readonly status?: RunStatus;
  readonly task?: string;
  readonly error?: RunError;
}
/** An event that was sent to a job from outside. */
export interface SentEventAttributes extends Owned {
  /** Tells the first sender whether its write is the one that stayed. */
  readonly sentBy: string;
  /** Milliseconds since the epoch. Absent in events of earlier releases. */
  readonly at?: number;
  readonly value?: Json;
  readonly valueRef?: string;
}
/** A waiter is either a group or a run. */
export interface WaiterAttributes extends Owned {
  readonly gid?: string;
  readonly runId?: string;
}

export const headerKey = (gid: string): Key => ({ table: "callbacks", partition: `G#${gid}`, sort: "!" });
export const ledgerKey = (gid: string, round: number, level: number, node: number): Key => ({
  table: "callbacks",
  partition: `L#${gid}#${round}#${level}#${node}`,
  sort: "!",
});
export const leafPartition = (gid: string, leaf: number): string => `G#${gid}#${leaf}`;
const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");
export const runSort = (local: number, step: number): string => `C#${pad(local, 3)}#${pad(step, 4)}`;
export const runKey = (ref: RunRef, width: number): Key => ({
  table: "tasks",
  partition: leafPartition(ref.gid, leafOf(ref.index, width)),
  sort: runSort(localIndex(ref.index, width), ref.stepIndex),
});
export const planPageKey = (page: string): Key => ({ table: "tasks", partition: `N#${page}`, sort: "!" });
export const detailKey = (runId: string, round: number, attempt: number): Key => ({
  table: "tasks",
  partition: `D#${runId}`,
  sort: `${pad(round, 4)}.${pad(attempt, 6)}`,
});
export const detailPartition = (runId: string): string => `D#${runId}`;
export const progressKey = (jobId: string, shard: number): Key => ({ table: "tasks", partition: `P#${jobId}#${shard}`, sort: "!" });
export const jobKey = (jobId: string): Key => ({ table: "tasks", partition: `J#${jobId}`, sort: "!" });
export const jobIndexPartition = (state: string): string => `JS#${state}`;
export const jobIndexKey = (state: string, createdAt: number, jobId: string): Key => ({
  table: "tasks",
  partition: jobIndexPartition(state),
  sort: `${pad(createdAt, 14)}#${jobId}`,
});
/** `stamp`: as the job's header names it. */
export const stampIndexPartition = (stamp: string): string => `JX#${stamp}`;
export const stampIndexKey = (stamp: string, createdAt: number, jobId: string): Key => ({
  table: "tasks",
  partition: stampIndexPartition(stamp),
  sort: `${pad(createdAt, 14)}#${jobId}`,
});
export const supervisorKey = (jobId: string): Key => ({ table: "tasks", partition: `T#${jobId}`, sort: "!" });
/** An event of a job, put once; and the groups and runs that wait for it. */
export const eventItemKey = (jobId: string, name: string): Key => ({ table: "tasks", partition: `E#${jobId}#${name}`, sort: "!" });
export const waiterPartition = (jobId: string, name: string): string => `W#${jobId}#${name}`;
export const waiterKey = (jobId: string, name: string, waiterHash: string): Key => ({
  table: "tasks",
  partition: waiterPartition(jobId, name),
  sort: waiterHash,
});
/** Executions of a job. Their names tell the job (see executions.ts), or as much of its id as a name can hold. */
export const executionPartition = (jobPart: string): string => `X#${jobPart}`;
export const executionKey = (jobPart: string, name: string): Key => ({ table: "tasks", partition: executionPartition(jobPart), sort: name });
export const eventPartition = (jobId: string): string => `V#${jobId}`;
export const eventKey = (jobId: string, at: number, id: string): Key => ({ table: "tasks", partition: eventPartition(jobId), sort: `${pad(at, 14)}#${id}` });

export const OPEN_SHARDS = 16;
export const DUE_SHARDS = 64;
export const PROGRESS_SHARDS = 16;
/** A stable shard from an id: FNV-1a. */
export function shardOf(id: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shards;
}
export const openShard = (shard: number): string => `OPEN#${shard}`;
export const dueShard = (shard: number): string => `DUE#${shard}`;

/** Items as read. The casts are the one place where stored attributes become typed; what is stored was written by this engine. */
export function asHeader(item: Item | undefined): Header | undefined {
  return item && ({ gid: item.key.partition.slice(2), ...item.attributes } as unknown as Header);
}
export function asRun(item: Item | undefined, ref: RunRef & { runId: string }): Run | undefined {
  if (!item) return undefined;
  // A plain copy, then the rest: what is spread behind other properties costs several times as much.
  const run = { ...item.attributes } as unknown as { -readonly [K in keyof Run]: Run[K] };
  run.gid = ref.gid;
  run.index = ref.index;
  run.stepIndex = ref.stepIndex;
  run.runId = ref.runId;
  return run;
}
export function asJob(item: Item | undefined): JobAttributes | undefined {
  return item && (item.attributes as unknown as JobAttributes);
}
export function asLedger(item: Item | undefined): LedgerAttributes | undefined {
  return item && (item.attributes as unknown as LedgerAttributes);
}
export function asDetail(item: Item): DetailAttributes {
  return item.attributes as unknown as DetailAttributes;
}
export function asJobEvent(item: Item): JobEventAttributes {
  return item.attributes as unknown as JobEventAttributes;
}
export function asSentEvent(item: Item | undefined): SentEventAttributes | undefined {
  return item && (item.attributes as unknown as SentEventAttributes);
}
export function asWaiter(item: Item): WaiterAttributes {
  return item.attributes as unknown as WaiterAttributes;
}
/** An entry of a list of jobs says only whose it is. */
export function asOwned(item: Item): Owned {
  return item.attributes as unknown as Owned;
}
/** Attributes to write; typed on the way in, flat on the way out. */
export function attributesOf(
  values: Partial<HeaderAttributes> | Partial<RunAttributes> | Partial<JobAttributes> | DetailAttributes<LogLine> | JobEventAttributes,
): Attributes {
  return values as unknown as Attributes;
}
/** A stored error as the value that a task is given in place of a result. */
export function errorValue(error: RunError): Json {
  return error as unknown as Json;
}

export const ownedBy = (header: Header): Owned => ({ v: ITEM_VERSION, jobId: header.jobId, ttl: header.ttl });
