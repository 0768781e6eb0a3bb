import type { FailurePolicy, Tracking } from "../core/canvas/canvas.ts";
import type { Estimate } from "../core/cost/job-cost.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Counts } from "../core/plan/counts.ts";
import type { GroupExpiry } from "../core/plan/group-expiry.ts";
import { leafOf, localIndex } from "../core/plan/ledger.ts";
import type { GroupStep, TaskStep, WaitStep } from "../core/plan/plan.ts";
import type { LinkKind, RunRef } from "../core/plan/run-id.ts";
import type { PauseAttributes } from "../core/pause.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { ErrorData } from "../core/task/invocation.ts";
import type { ItemCounts } from "../core/task/item-counts.ts";
import type { SharingAttributes } from "./items/sharing-attributes.ts";
import type { Attributes, Item, Key } from "./ports.ts";
import type { FiredBy, RetryOrder } from "./requests.ts";

/**
 * Every item kind: its key, attributes and cost (docs/protocol-rules.md, section 3). Sizes are typical. A write costs one
 * unit for each started KB of the larger of before and after. Every item of a job carries `v`, `jobId` and `ttl` from
 * its first write.
 *
 * | item          | table, key | size | written |
 * | ------------- | --- | --- | --- |
 * | group header  | callbacks `G#<gid>` / `!` | < 1 KB | create 2 (index), expanded 1, outcome 1, close 2 |
 * | root header   | the same; it is also the job, and its first row | < 1 KB + value | create 2, its row as any run, end 2 |
 * | identity      | callbacks `G#~<hash>` / `!`: a root header without a job | < 1 KB + value | created 1, its row as any run; 1 more per failure with tiers |
 * | subscription  | tasks `U#~<hash>#<shard>` / `<round>#<place of the run>` | < 1 KB | once per run that waits for an identity |
 * | edges         | tasks `DE#<runId>` / `<hash of the edges>` | < 1 KB | once per committed attempt, when its dependencies have changed |
 * | dependent     | tasks `U#~<hash>#d` / `<place of the run>` | < 1 KB | once per edge to an identity |
 * | nested wait   | tasks `DN#~<hash>` / `<identity>#<place of the run>` | < 1 KB | once per wait of a run below an identity for another one |
 * | ledger node   | callbacks `L#<gid>#<round>#<level>#<node>` / `!` | < 1 KB | 1 per batch of members of one leaf |
 * | run           | tasks `G#<gid>#<leaf>` / `C#<local>#<step>` | < 1 KB + value | claim 1, commit 1, queue or wait 1 |
 * | plan page     | tasks `N#<page>` / `!` | <= 4 KB, else a blob | once |
 * | run detail    | tasks `D#<runId>` / `<round>.<attempt>` | <= 200 KB | once, only when there is a log or a stack |
 * | progress      | tasks `P#<jobId>#<shard>` / `!` | < 1 KB | once per follow-up batch; approximate |
 * | job index     | tasks `JS#<state or all>` / `<createdAt>#<jobId>` | < 1 KB | submit 1, end 1 |
 * | job by stamp  | tasks `JX#<stamp>` / `<createdAt>#<jobId>` | < 1 KB | submit: 1 per stamp, at most 16 |
 * | supervisor    | tasks `T#<jobId>` / `!` | 1-2 KB | submit, answered; only for supervised jobs |
 * | event sent in | tasks `E#<jobId>#<name>` / `!` | < 1 KB + value | once per name |
 * | waiter        | tasks `W#<jobId>#<name>` / `<hash of gid or runId>` | < 1 KB | once per waiting group or run |
 * | execution     | tasks `X#<jobId>` / `<its name>` | < 1 KB | before its start; names the group that waits for it |
 * | event         | tasks `V#<jobId>` / `<at>#<id>` | < 1 KB | per failure and retry; the root header tells start and end |
 * | failure       | tasks `FX#<task>#<reason>` / `<at>#<runId>` | < 1 KB | once per failure |
 * | failure kind  | tasks `FX` / `<task>#<reason>` | < 1 KB | per kind: once a day in each process that meets it |
 * | dead letter   | tasks `DL` / `<at>-<hash>` | 1 KB + message | once per message that was given up; removed by redrive and purge |
 * | kept blob     | tasks `H#<sha256>` / `!` | < 1 KB | one machine only: until when its file is kept |
 * | pause         | tasks `PZ` / `<kind>:<name>`; of a job in its root header | < 1 KB | pause, resume, end 1 each; 1 per heartbeat of a holder |
 * | parked        | tasks `B#<kind>:<name>#<shard>` / `<hash>` | < 1 KB | 1 per message that met a pause, 1 when it is sent |
 * | backlog       | tasks `BQ#<queue>#<band>` / `<job>#<group>#<range>` | < 1 KB | put 1, 1 per turn, removed 1; only of capped queues |
 * | dispatcher    | tasks `BD` / `<queue>`; no `ttl` | < 1 KB | 2 per look |
 * | lock holder   | tasks `LC#s#<key>` / `<place>`, `LC#l#<key>` / `w` or `r#<hash of runId>` | < 1 KB | taken 1, released 1 |
 * | lock waiter   | tasks `LQ#s#<key>`, `LQ#l#<key>` / `<since>#<hash of runId>` | < 1 KB | put 1 and removed 1 for each wait |
 * | rate limit    | tasks `LR#<per>#<key>` / `!` | < 1 KB | 1 per start; 1 or 2 when a start must wait |
 * | limit in use  | tasks `LD` / `<key>#<kind>` | < 1 KB | per key: once a day in each process that meets it |
 * | report stream | tasks `S#<runId>` / `<round in which it began>` | < 1 KB, 4 KB at most | opened 1, 1 per page |
 * | stream list   | tasks `SJ#<jobId>` / `<hash of runId>` | < 1 KB | once per run that streams reports |
 * | schedule      | tasks `SC#all` / `<name>`; no `ttl` | 1 KB + its spec | put 2 and announced 2 (index), fired 2 (index) |
 */
export const ITEM_VERSION = 1;

/** Attributes that every item of a job has. `ttl` is in seconds since the epoch. */
export interface Owned {
  readonly v: number;
  readonly jobId: string;
  readonly ttl: number;
}

/** A stored value: inline, or the name of the blob that holds it. */
export type Kept = { readonly value: Json } | { readonly valueRef: string };

export type Outcome = "complete" | "failed" | "cancelled" | "timeout" | "dropped";
/** Only roots have the attributes of a pause. `readGate` copies them to the headers below. */
export interface HeaderAttributes extends Owned, PauseAttributes, GroupExpiry {
  readonly state: "open" | "closed";
  readonly round: number;
  /** The round in which the group was created, or its ledger began anew. Absent for round 0. */
  readonly since?: number;
  /** The rounds in which the group was opened again (rounds/reopen-group.ts). */
  readonly rounds?: ReadonlySet<number>;
  /** Set while members of an earlier round may still have to be taken up again. */
  readonly reopening?: true;
  /** Set only on roots. What the current round retries. */
  readonly retry?: RetryOrder;
  /** Absent until an open group is sealed. */
  readonly memberCount?: number;
  readonly height: number;
  /** The run that waits for this group. Absent on a root. */
  readonly joins?: string;
  readonly policy: FailurePolicy;
  readonly tracking: Tracking;
  /** Pointer to the group step in the plan. Absent when members are pages. */
  readonly plan?: string;
  /** The run before the group step. Its value is given to the first step of every member. */
  readonly input?: string;
  /** Set only on groups of links or error links. The run in `joins` has then ended, and does not wait for the group. */
  readonly side?: LinkKind;
  /** Set only on branches. Index in the plan of the one member that runs; it runs as member 0. */
  readonly only?: number;
  /** Set only on loops. Repeats the only member's strand until `until` holds for its value, or `most` times. */
  readonly repeat?: NonNullable<GroupStep["repeat"]>;
  /** Set only on graphs. Members wait for members, as the plan says (`parents`). */
  readonly graph?: true;
  /** Set only on groups without members that wait for an answer. `expires` is in seconds. */
  readonly wait?: Pick<WaitStep, "of" | "name" | "expires">;
  /** The token that an answer to an approval must carry. */
  readonly token?: string;
  /**
   * Name of the execution that the group waits for, stored before its start. The header closes only once the execution
   * has stopped.
   */
  readonly execution?: string;
  /** Names the answer that sealed the group, so its writer can tell whether its own answer was the first. */
  readonly answerId?: string;
  readonly ownError?: RunError;
  /** Set only inside error links: `input` has failed, and its error is given in place of its value. */
  readonly givesError?: boolean;
  /** Set only on open groups. Their members are pages: runs that carry their own plan. */
  readonly pages?: boolean;
  /** Set when the group was sealed at its last page because it was dropped. Its owner had more to stream. */
  readonly cut?: true;
  /** Set once the messages of all members have been sent. */
  readonly expanded?: boolean;
  readonly outcome?: Outcome;
  readonly totals?: Counts;
  /** Set when the group decided before all members had ended, so the totals are a snapshot. */
  readonly early?: boolean;
  /** The run that failed first. */
  readonly firstError?: string;
  /** Revoked members, each with the first step that must not run: `<member>~<step>`. */
  readonly revoked?: ReadonlySet<string>;
  /**
   * Set only on roots. Stamps whose runs are revoked, each as `<name>=<canonical JSON>`. `readGate` copies them to the
   * headers below, which store none of their own.
   */
  readonly revokedStamps?: ReadonlySet<string>;
  /** Value of an open group's owner, from seal to commit; or the answer that a group without members waited for. */
  readonly ownValue?: Kept;
  /** What else the commit of an open group's owner takes from its seal. */
  readonly ownItems?: Partial<ItemCounts>;
  readonly handedOn?: true;
  readonly createdAt: number;
  /** Set only on roots and waits. Milliseconds since the epoch at which the sweeper decides `timeout`. */
  readonly deadline?: number;
  /** Set only on roots. What the job was started with. */
  readonly job?: JobSeed;
  /** Set only on roots whose job is one small task, and on identities whose task is small, in place of `plan`. */
  readonly step?: TaskStep;
  /** Set only on identities: the run that began the present round, and the round of that run, as `<runId>#<round>`. */
  readonly asker?: string;
  /** Set only on roots: how the job ended. Without `lastStep` the value is that of the first row. */
  readonly endedAt?: number;
  readonly lastStep?: number;
  readonly error?: RunError;
  readonly value?: Json;
  readonly valueRef?: string;
  readonly collects?: string;
  /** Set only on roots whose first run has a row, which is part of the same item (items/root-row.ts). */
  readonly r_status?: RunStatus;
  /** Partition in the index of open headers, and when the sweeper checks next. Both are absent once closed. */
  readonly openShard?: string;
  readonly nextCheck?: number;
  /** Ledger size at the last check, and the number of checks in a row that found the same size. */
  readonly seenMarks?: number;
  readonly stalls?: number;
}
export interface Header extends HeaderAttributes {
  readonly gid: string;
}

export interface LedgerAttributes extends Owned {
  readonly done: ReadonlySet<number>;
  /** Set only on leaves. Parts with the values of members that have no row (items/ledger-parts.ts). */
  readonly parts?: ReadonlySet<string>;
  /**
   * Counters are flat attributes beside `done`: success, skipped, error, broken, cancelled, failedMembers, members,
   * u_<name>.
   */
  readonly [counter: string]: number | string | ReadonlySet<number> | ReadonlySet<string> | undefined;
}

export interface RunAttributes extends Owned, SharingAttributes {
  /** The end of the round before, while an identity finds out whether it still holds (execute/verify-end.ts). */
  readonly kept?: KeptEnd;
  readonly status: RunStatus;
  readonly round: number;
  /** The round in which the run began anew, as a step after a retried one. Its child group has an id of its own. */
  readonly since?: number;
  readonly attempt: number;
  readonly task?: string;
  readonly leaseOwner?: string;
  readonly leaseUntil?: number;
  readonly epoch?: number;
  /** Claim token of the last fenced write, by which a writer recognises its own lost response. */
  readonly writer?: string;
  /** Counters of the steps before this one. */
  readonly carry?: Counts;
  /** Set only on terminal runs. Absent means one run of its status. */
  readonly counts?: Counts;
  readonly value?: Json;
  readonly valueRef?: string;
  /** The group whose results are the value. */
  readonly collects?: string;
  /** The run's own counters and value, kept while it waits. */
  readonly ownCounts?: Counts;
  readonly ownValue?: Json;
  readonly ownValueRef?: string;
  /** Where the run's value comes from once its child group settles it. */
  readonly takes?: "own" | "group" | "replace" | "extras" | "answer";
  readonly joins?: string;
  /**
   * Plan pointer of the group step that the run opens, when that is not the step in the plan: of an outbox, a page or
   * an execution.
   */
  readonly manifest?: string;
  /** Set only on pages of open groups. `cursorAfter` says where their owner goes on. */
  readonly page?: boolean;
  readonly cursorAfter?: PageCursor;
  readonly contentHash?: string;
  /** Set on ended runs whose reports were counted for display as they came (attempt/report-stream.ts). */
  readonly streamed?: true;
  /** Set while the run's child group is open. The group is decided as `dropped` when the run itself fails. */
  readonly openGroup?: boolean;
  /** Set when the steps behind the run are those of its children. The strand ends with the run then. */
  readonly handedOn?: true;
  /** Failures of attempts. Kept while the run is retried, and at a bad end. */
  readonly failCount?: number;
  /** Attempts that could not reach the other side, which are no failures. */
  readonly unreachable?: number;
  readonly killsAlone?: number;
  /** Set after a takeover: the run must have its process to itself. */
  readonly alone?: boolean;
  /** The attempt whose holder a supervisor saw die. */
  readonly died?: number;
  /** Most runs of the next bulk call that has this one, after a call failed as a whole. */
  readonly among?: number;
  readonly notBefore?: number;
  readonly expiresAt?: number;
  /** Set only when the start lies further ahead than the delay of a message can reach. */
  readonly due?: number;
  readonly dueShard?: string;
  /** Set only on deferred runs. What must happen before the run goes on, each as `<kind>:<name>`. */
  readonly unmet?: ReadonlySet<string>;
  /** When the wait for each event ends, by name. Fixed when the run asks for the event for the first time. */
  readonly eventDeadlines?: { readonly [name: string]: number };
  /** Number of claims that were refused a lock or a rate, so that no code of the task began. */
  readonly parks?: number;
  /** The lock or rate that the run waits for, or was woken for, and since when (ms). Removed once code has begun. */
  readonly parked?: { readonly on: string; readonly since: number };
  /** When a worker noted first that it does not know the task. */
  readonly unknownSince?: number;
  readonly sentAt?: number;
  /** Number of times that the sweeper resent the message. */
  readonly sends?: number;
  /** Number of times that a queue gave the message up. */
  readonly deadLetters?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly error?: RunError;
}
/** The attributes of a row that say how it has ended. */
export type KeptEnd = Partial<Omit<RunAttributes, "kept" | "unmet" | "removed">>;
/** A run as read: its attributes, and what its key says. */
export interface Run extends RunAttributes, RunRef {
  readonly runId: string;
}
/** The short form of an error. `runId` names the run that failed first. The stack is in the detail item of that run. */
export interface RunError extends ErrorData {
  readonly runId?: string;
}
/**
 * Where a streaming owner goes on: at `cursor`, after skipping `skip` items. `items` counts all items before that, and
 * `handedOn` says that the steps behind the owner run on some of them.
 */
export interface PageCursor {
  readonly handedOn?: true;
  readonly cursor?: Json;
  readonly skip: number;
  readonly items: number;
}

export type EndState = "success" | "failure" | "cancelled" | "timed-out";
export interface JobSeed {
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  /** Name of the blob with the parameters, when they are too large for the header. */
  readonly parametersRef?: string;
  readonly fingerprint?: string;
  readonly planned: number;
  /** The stamps by which the job is found, as `indexedStamp` returns them. */
  readonly stamps?: readonly string[];
  /** Hash of the submitter. Absent for the local one. */
  readonly principal?: string;
  /** What the plan was estimated to take. Absent in jobs of earlier releases. */
  readonly estimate?: Estimate;
  /** Set when a task token waits for the end of the job (jobs/supervision.ts). */
  readonly supervised?: true;
  readonly schedule?: FiredBy;
}

/** Log and stack of one attempt. The log is written as lines, and read as plain JSON. */
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
export const taskKey = (partition: string, sort: string): Key => ({ table: "tasks", partition, sort });
export const headerKey = (gid: string): Key => ({ table: "callbacks", partition: `G#${gid}`, sort: "!" });
export const ledgerKey = (gid: string, round: number, level: number, node: number): Key => ({
  table: "callbacks",
  partition: `L#${gid}#${round}#${level}#${node}`,
  sort: "!",
});
export const leafPartition = (gid: string, leaf: number): string => `G#${gid}#${leaf}`;
export const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");
export const runSort = (local: number, step: number): string => `C#${pad(local, 3)}#${pad(step, 4)}`;
export const runKey = (ref: RunRef, width: number): Key =>
  taskKey(leafPartition(ref.gid, leafOf(ref.index, width)), runSort(localIndex(ref.index, width), ref.stepIndex));
export const planPageKey = (page: string): Key => taskKey(`N#${page}`, "!");
export const detailKey = (runId: string, round: number, attempt: number): Key =>
  taskKey(`D#${runId}`, `${pad(round, 4)}.${pad(attempt, 6)}`);
export const detailPartition = (runId: string): string => `D#${runId}`;
export const progressKey = (jobId: string, shard: number): Key => taskKey(`P#${jobId}#${shard}`, "!");
export const jobIndexPartition = (state: string): string => `JS#${state}`;
export const jobIndexKey = (state: string, createdAt: number, jobId: string): Key =>
  taskKey(jobIndexPartition(state), `${pad(createdAt, 14)}#${jobId}`);
/** Returns whether a text is a sort key of a job in an index of jobs, as cursors of lists are. */
export const isJobCursor = (text: string): boolean => /^\d{14}#[0-9A-Za-z_-]{1,128}$/.test(text);
/** `stamp` is the text that `indexedStamp` returns. */
export const stampIndexPartition = (stamp: string): string => `JX#${stamp}`;
export const stampIndexKey = (stamp: string, createdAt: number, jobId: string): Key =>
  taskKey(stampIndexPartition(stamp), `${pad(createdAt, 14)}#${jobId}`);
export const supervisorKey = (jobId: string): Key => taskKey(`T#${jobId}`, "!");
export const keptBlobKey = (sha256: string): Key => taskKey(`H#${sha256}`, "!");
export const eventItemKey = (jobId: string, name: string): Key => taskKey(`E#${jobId}#${name}`, "!");
export const waiterPartition = (jobId: string, name: string): string => `W#${jobId}#${name}`;
export const waiterKey = (jobId: string, name: string, waiterHash: string): Key =>
  taskKey(waiterPartition(jobId, name), waiterHash);
/** `jobPart` is as much of the job's id as the name of an execution can hold (waits/executions.ts). */
export const executionPartition = (jobPart: string): string => `X#${jobPart}`;
export const executionKey = (jobPart: string, name: string): Key => taskKey(executionPartition(jobPart), name);
export const eventPartition = (jobId: string): string => `V#${jobId}`;
export const eventKey = (jobId: string, at: number, id: string): Key =>
  taskKey(eventPartition(jobId), `${pad(at, 14)}#${id}`);

export const reportStreamKey = (runId: string, since: number): Key => taskKey(`S#${runId}`, pad(since, 4));
export const streamListPartition = (jobId: string): string => `SJ#${jobId}`;
export const OPEN_SHARDS = 16;
export const DUE_SHARDS = 64;
export const DUE_ROOT_SHARDS = 8;
export const PROGRESS_SHARDS = 16;
export const openShard = (shard: number): string => `OPEN#${shard}`;
export const dueShard = (shard: number): string => `DUE#${shard}`;

/**
 * Items as read. These casts, and those of the other kinds in items/, are the only places where stored attributes become
 * typed. They are safe because only this engine writes the items.
 */
export function asHeader(item: Item | undefined): Header | undefined {
  return item && ({ gid: item.key.partition.slice(2), ...item.attributes } as unknown as Header);
}
export function asRun(item: Item | undefined, ref: RunRef & { runId: string }): Run | undefined {
  if (!item) return undefined;
  // Copied first and completed then. A spread after other properties costs several times as much.
  const run = { ...item.attributes } as unknown as { -readonly [K in keyof Run]: Run[K] };
  run.gid = ref.gid;
  run.index = ref.index;
  run.stepIndex = ref.stepIndex;
  run.runId = ref.runId;
  return run;
}
export function asLedger(item: Item | undefined): LedgerAttributes | undefined {
  return item && (item.attributes as unknown as LedgerAttributes);
}
export function asDetail(item: Item): DetailAttributes {
  return item.attributes as unknown as DetailAttributes;
}
/** Reads an entry of a list of jobs, which says only to which job it belongs. */
export function asOwned(item: Item): Owned {
  return item.attributes as unknown as Owned;
}
/** Returns attributes in the untyped form that the store port writes. */
export function attributesOf(
  values: Partial<HeaderAttributes> | Partial<RunAttributes> | DetailAttributes<LogLine> | Pick<Owned, "v" | "ttl">,
): Attributes {
  return values as unknown as Attributes;
}

/** Returns how often code of the run began: claims that were refused a lock or a rate do not count. */
export const attemptsOf = ({ attempt, parks = 0 }: Pick<Run, "attempt" | "parks">): number => attempt - parks;

export const ownedBy = (header: Header): Owned => ({ v: ITEM_VERSION, jobId: header.jobId, ttl: header.ttl });
