import { addCounts, carriedUp, type Counts, ignoredFailures } from "../../functions/core/plan/counts.ts";
import { failsEarly } from "../../functions/core/plan/policy.ts";
import { isIdentity, isShared, ownerOf, parseRunId, runIdOf, type RunRef } from "../../functions/core/plan/run-id.ts";
import { isFailure, isSuccess, isTerminal, type TerminalStatus } from "../../functions/core/plan/run-state.ts";
import type { EventLook, ResultEntry, TaskCall } from "../../functions/core/task/invocation.ts";
import { isRevokedById } from "../../functions/engine/groups/revocations.ts";
import { asHeader, attemptsOf, type Header, type Run } from "../../functions/engine/item-kinds.ts";
import { rootRowOf } from "../../functions/engine/items/root-row.ts";
import { childGroup } from "../../functions/engine/items/run-reads.ts";
import type { Item } from "../../functions/engine/ports.ts";
import type { Claim } from "../../functions/engine/worker-loop.ts";
import type { Journal } from "./journal.ts";
import type { LeaseWatch } from "./lease-watch.ts";
import { anyEarly, earlyAbove, flatMembers, mayDrop, membersOf } from "./group-members.ts";
import { unendedParent } from "./graph-shape.ts";
import { wrongExpiry } from "./group-expiry.ts";
import { IdentityWatch } from "./identity-watch.ts";
import { withStep } from "./item-recount.ts";
import { LedgerWatch } from "./ledger-watch.ts";
import type { Complaints } from "./reference.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import { rowOf } from "./row-of.ts";
import type { Shape } from "./shape.ts";
import type { Watched } from "./sim-ports.ts";
import { SeenResults } from "./seen-results.ts";
import type { AppliedWrite } from "./sim-store.ts";
import { eventValue } from "./values.ts";
import type { ScriptWait } from "./script.ts";

const COUNTED = ["ignored", "success", "skipped", "error", "broken", "cancelled", "failedMembers"];

/** Milliseconds until a revocation must take effect: 5 s of cached headers, clock skew, and writes on their way. */
const REVOKED_GRACE_MS = 15_000;

/**
 * Watches every applied write and every start of user code. Complains as soon as a promise of the protocol is broken.
 */
export class Oracle {
  readonly #shape: Shape;
  readonly #scheduler: Scheduler;
  readonly #journal: Journal;
  readonly #complaints: Complaints;
  readonly #leases: LeaseWatch;
  readonly #ledgers: LedgerWatch;
  readonly #commits = new Map<string, number>();
  readonly #decisions = new Map<string, number>();
  readonly #seen: SeenResults;
  readonly identities: IdentityWatch;
  /** Root groups that may decide `cancelled` or `timeout`. */
  readonly cancellable = new Set<string>();
  readonly deadlines = new Map<string, number>();
  /** The time at which a member of each group was last revoked. */
  readonly #revokedAt = new Map<string, number>();
  /** The time at which each attempt was last held. */
  readonly #heldAt = new Map<string, number>();
  /** The time at which each stamp of a job was first revoked. */
  readonly #stampRevokedAt = new Map<string, number>();
  /** Set once no call fails any more, so runs that were revoked before do not start. */
  calm = false;
  /** Set once all jobs have expired. Writes of old processes expire too, but a root header must not come back. */
  collected = false;

  constructor(world: Watched, journal: Journal, leases: LeaseWatch, complaints: Complaints) {
    const { shape, scheduler } = world;
    this.#shape = shape;
    this.#scheduler = scheduler;
    this.#journal = journal;
    this.#leases = leases;
    this.#ledgers = new LedgerWatch(shape, complaints);
    this.#seen = new SeenResults(complaints);
    this.identities = new IdentityWatch(world, complaints);
    this.#complaints = complaints;
  }

  write({ process, before, after }: AppliedWrite): void {
    const key = (after ?? before)?.key;
    if (!key || !(key.partition.startsWith("G#") || key.partition.startsWith("L#"))) return;
    if (key.table === "callbacks" && key.partition.startsWith("L#")) this.#nodeWritten(before, after);
    else if (key.table === "callbacks") {
      const row = rootRowOf(after);
      if (row && !this.collected) this.#itemWritten(process, rootRowOf(before), row);
      this.#headerWritten(process, asHeader(before), asHeader(after));
    } else if (!this.collected) this.#itemWritten(process, before, after);
  }
  #itemWritten(process: SimProcess, before: Item | undefined, after: Item | undefined): void {
    this.#rowWritten(process, rowOf(before, this.#shape.width), rowOf(after, this.#shape.width));
  }

  #headerWritten(process: SimProcess, before: Header | undefined, after: Header | undefined): void {
    if (!after) return;
    if (this.collected) {
      if (!before && ownerOf(after.gid) === undefined && !isIdentity(after.gid))
        this.#bad("collected-header-recreated", after.gid);
      return;
    }
    this.#shape.revoked.note(after);
    if (!before) this.#created(after);
    if (before && after.round > before.round && !isIdentity(after.gid)) this.#reopened(after);
    if ((after.revoked?.size ?? 0) > (before?.revoked?.size ?? 0)) this.#revokedAt.set(after.gid, this.#scheduler.now);
    for (const stamp of after.revokedStamps ?? [])
      if (!before?.revokedStamps?.has(stamp)) this.#stampRevokedAt.set(`${after.gid} ${stamp}`, this.#scheduler.now);
    if (before?.memberCount !== undefined && after.memberCount !== before.memberCount && after.round === before.round)
      this.#bad("sealed-twice", after.gid);
    if (after.outcome !== undefined && (before?.outcome !== after.outcome || before.round !== after.round))
      this.#decided(process, after);
    if (after.state === "closed" && after.outcome === undefined) this.#bad("closed-undecided", after.gid);
    const expiry = wrongExpiry(before, after, this.#scheduler.now + process.skew);
    if (expiry !== undefined) this.#bad(expiry, after.gid);
  }
  #created(header: Header): void {
    const owner = header.joins === undefined ? undefined : this.#shape.rowOf(header.joins);
    if (header.joins === undefined) {
      if (ownerOf(header.gid) !== undefined) this.#bad("header-without-owner", header.gid);
      return;
    }
    if (header.side) {
      const good = header.side === "links";
      if (!owner || !(good ? isSuccess(owner.status) : isFailure(owner.status)))
        this.#bad("callbacks-too-early", `${header.gid}: ${owner?.status ?? "absent"}`);
      return;
    }
    // An open group exists while its owner streams. Any other group exists only once its owner waits for it.
    const streams = header.pages === true && this.#shape.stepKind(header.joins) === "stream";
    if (!owner || (!streams && owner.status !== "waiting" && !isTerminal(owner.status))) {
      this.#bad("child-of-uncommitted-attempt", `${header.gid}: its owner is ${owner?.status ?? "absent"}`);
    }
  }

  /** A round takes back what was revoked by a stamp, unless its header says so still. */
  #reopened(header: Header): void {
    const { gid, revokedStamps } = header;
    const wrong = this.#shape.orders.begin(header, this.calm, this.#scheduler.now);
    if (wrong !== undefined) this.#bad("retried-unasked", `${gid} round ${header.round}: ${wrong}`);
    this.#ledgers.opened(header);
    if (ownerOf(gid) !== undefined || revokedStamps) return;
    for (const key of this.#stampRevokedAt.keys()) if (key.startsWith(`${gid} `)) this.#stampRevokedAt.delete(key);
  }

  #decided(process: SimProcess, header: Header): void {
    const key = `${header.gid} round ${header.round}`;
    const times = (this.#decisions.get(key) ?? 0) + 1;
    this.#decisions.set(key, times);
    if (times > 1) this.#bad("decided-twice", `${key}: now ${header.outcome}`);
    switch (header.outcome) {
      case "cancelled":
        if (!this.cancellable.has(header.gid) && !this.#revoked(header))
          this.#bad("cancelled-without-reason", header.gid);
        return;
      case "timeout": {
        const deadline = this.deadlines.get(header.gid) ?? (header.wait && header.deadline);
        if (deadline === undefined || deadline > this.#scheduler.now + process.skew)
          this.#bad("timed-out-early", header.gid);
        return;
      }
      case "dropped":
        if (!mayDrop(this.#shape, header)) this.#bad("dropped-without-reason", header.gid);
        return;
      case "complete":
      case "failed":
        if (header.early) this.#decidedEarly(header);
        else this.#decidedByCompletion(header);
        return;
      case undefined:
    }
  }
  #revoked(header: Header): boolean {
    const ref = header.joins === undefined ? undefined : parseRunId(header.joins);
    return ref !== undefined && this.#shape.isRevoked(ref);
  }
  #decidedEarly(header: Header): void {
    let failed = 0;
    // Pages of an input may arrive in any order.
    const upTo = header.memberCount ?? this.#shape.width ** header.height;
    for (let index = 0; index < upTo; index++) failed += this.#failedMembers(header, index);
    if (header.outcome !== "failed" || !failsEarly(header.policy, failed))
      this.#bad("decided-early", `${header.gid}: ${header.outcome} with ${failed} failed members`);
  }
  #decidedByCompletion(header: Header): void {
    const { gid, memberCount } = header;
    if (memberCount === undefined) {
      this.#bad("decided-unsealed", gid);
      return;
    }
    let total: Counts | undefined = {};
    for (let index = 0; index < memberCount; index++) {
      const strand = this.#shape.strand(gid, index);
      const last = this.#shape.lastRow(gid, index);
      if (
        !strand ||
        !this.#shape.hasEnded(last, header.round) ||
        (isSuccess(last.status) && !this.#shape.isOver(header, last, strand.length))
      ) {
        this.#bad(
          "decided-before-member-finished",
          `${gid} member ${index}: ${last ? `${last.runId} ${last.status}` : "no row"}`,
        );
        return;
      }
      for (const side of this.#shape.sides(gid, index, last.stepIndex)) {
        const beside = this.#shape.header(side.gid);
        if (beside?.outcome === undefined)
          this.#bad("decided-before-callbacks", `${gid}: ${side.gid} is ${beside ? "open" : "absent"}`);
      }
      const counts = this.#memberCounts(gid, index, last.stepIndex);
      total = total && counts && addCounts(total, counts, { failedMembers: this.#failedMembers(header, index) });
    }
    const totals = header.totals ?? {};
    if (!total) {
      if (totals["inexact"] === undefined) this.#bad("snapshot-not-flagged", `${gid}: ${JSON.stringify(totals)}`);
      return;
    }
    if (header.pages) total = { ...total, members: flatMembers(this.#shape, gid) };
    for (const name of new Set([...COUNTED, ...Object.keys(total), ...Object.keys(totals)])) {
      if ((total[name] ?? 0) !== (totals[name] ?? 0)) {
        this.#bad("counters-wrong", `${gid}: ${JSON.stringify(totals)}, rows say ${JSON.stringify(total)}`);
        return;
      }
    }
  }
  #failedMembers(header: Header, index: number): number {
    const last = this.#shape.lastRow(header.gid, index);
    if (!this.#shape.hasEnded(last, header.round)) return 0;
    if (!header.pages || isFailure(last.status)) return isFailure(last.status) ? 1 : 0;
    const inside = this.#shape.header(childGroup(last));
    let failed = 0;
    for (let k = 0; inside && k < membersOf(this.#shape, inside); k++) failed += this.#failedMembers(inside, k);
    return failed;
  }
  /** Returns counts from rows instead of ledgers. Returns undefined when a group below decided early. */
  #memberCounts(gid: string, index: number, lastStep: number): Counts | undefined {
    let sum: Counts = {};
    for (let step = 0; step <= lastStep; step++) {
      const counts = this.#rowCounts(gid, index, step);
      if (!counts) return undefined;
      sum = withStep(sum, counts);
    }
    for (const side of this.#shape.sides(gid, index, lastStep)) {
      const counts = this.#sideCounts(side.gid);
      if (!counts) return undefined;
      sum = addCounts(sum, counts);
    }
    return sum;
  }
  #sideCounts(gid: string): Counts | undefined {
    const header = this.#shape.header(gid);
    if (!header?.outcome || header.early || header.memberCount === undefined) return undefined;
    const all: Counts[] = [];
    for (let k = 0; k < header.memberCount; k++) {
      const counts = this.#memberCounts(gid, k, this.#shape.lastRow(gid, k)?.stepIndex ?? 0);
      if (!counts) return undefined;
      all.push(counts);
    }
    return ignoredFailures(all);
  }
  #rowCounts(gid: string, index: number, step: number): Counts | undefined {
    const run = this.#shape.row({ gid, index, stepIndex: step });
    if (!run) return undefined;
    const inside = this.#shape.header(childGroup(run));
    // A run that failed while it streamed does not wait, and what its children did is counted all the same.
    const own = run.joins === undefined ? (run.counts ?? { [run.status as TerminalStatus]: 1 }) : run.ownCounts;
    if (!inside && run.joins === undefined) return carriedUp(own);
    if (inside?.execution !== undefined || inside?.wait) return run.counts;
    // A run that was cut off before it had made its group. Nothing of the group ran.
    if (!inside && isTerminal(run.status)) return run.counts;
    if (!inside?.outcome || inside.early || inside.memberCount === undefined) return undefined;
    let sum = carriedUp(own);
    for (let k = 0; k < inside.memberCount; k++) {
      const counts = this.#memberCounts(inside.gid, k, this.#shape.lastRow(inside.gid, k)?.stepIndex ?? 0);
      if (!counts) return undefined;
      sum = addCounts(sum, counts);
    }
    return sum;
  }

  #nodeWritten(before: Item | undefined, after: Item | undefined): void {
    if (after && !this.collected) this.#ledgers.write(before, after);
  }

  #rowWritten(process: SimProcess, before: Run | undefined, after: Run | undefined): void {
    if (!after) return;
    if (before && after.round > before.round) this.#seen.renewed(after.runId, this.#scheduler.now);
    this.identities.write(process, before, after);
    if (!isShared(after.gid) && this.#shape.orders.isUnasked(before, after))
      this.#bad("run-retried-unasked", `${after.runId}: ${before?.status} in round ${before?.round}`);
    if (before && isTerminal(before.status) && after.round === before.round && after.status !== before.status) {
      this.#bad("terminal-row-changed", `${after.runId}: ${before.status} -> ${after.status}`);
    }
    if (
      isTerminal(after.status) &&
      (before?.status !== after.status || before.round !== after.round || before.endedAt !== after.endedAt)
    ) {
      const key = `${after.runId} round ${after.round}`;
      const times = (this.#commits.get(key) ?? 0) + 1;
      this.#commits.set(key, times);
      if (times > 1) this.#bad("committed-twice", key);
    }
    this.#leases.write(process, before, after);
    this.#journal.ended(process, after);
  }

  /** Records a hold. A run without a claim must be an unclaimed member in its first attempt. */
  held(claim: Claim): void {
    if (this.collected) return;
    this.#journal.held(claim);
    this.#heldAt.set(`${claim.runId} ${claim.attempt}`, this.#scheduler.now);
    if (!claim.unclaimed) return;
    const ref = parseRunId(claim.runId) as RunRef;
    this.#scheduler.count("unclaimed");
    if (claim.attempt !== 1 || !this.#shape.mayRunThin(ref.gid, ref.index)) this.#bad("run-without-claim", claim.runId);
  }
  /** `since` is when the reader began. */
  saw(entry: ResultEntry, since = this.#scheduler.now): void {
    if (!this.collected) this.#seen.saw(entry, since);
  }
  started(call: TaskCall, process: SimProcess): void {
    if (this.collected) return;
    const { runId, groupId, index, step } = call;
    // The call counts only attempts whose code began.
    const claimed = call.attempt + (this.#shape.rowOf(runId)?.parks ?? 0);
    if (!this.#journal.start(call, process, claimed)) this.#bad("one-lease-two-runs", `${runId} claim ${claimed}`);
    if (runId !== runIdOf(groupId, index, step)) this.#bad("wrong-identity", runId);
    // A process that was frozen since an earlier round reads what this round has made. Its end is fenced.
    const late = call.round < this.#shape.roundOf(groupId);
    const given = this.#journal.argumentsOf(runId, call.round);
    if (given.length > 1 && !late && !earlyAbove(this.#shape, groupId, index, step))
      this.#bad("arguments-changed", `${runId}: ${given.join(" | ").slice(0, 600)}`);
    const header = this.#shape.header(groupId);
    const marked =
      header && isRevokedById(header, { index, stepIndex: step }) ? this.#revokedAt.get(groupId) : undefined;
    const claimedAt = this.claimedAt(call);
    if (this.calm && marked !== undefined && marked < claimedAt - REVOKED_GRACE_MS)
      this.#bad("revoked-run-started", runId);
    for (const stamp of this.#shape.teams({ gid: groupId, index, stepIndex: step })) {
      const at = this.#stampRevokedAt.get(`${call.jobId} ${stamp}`);
      if (this.calm && at !== undefined && at < claimedAt - REVOKED_GRACE_MS)
        this.#bad("revoked-stamp-started", `${runId} ${stamp}`);
    }
    const unended = step === 0 && !late ? unendedParent(this.#shape, groupId, index) : undefined;
    if (unended !== undefined) this.#bad("node-before-parent", `${runId} follows ${unended}`);
    if (step === 0 || late) return;
    const before = this.#shape.row({ gid: groupId, index, stepIndex: step - 1 });
    if (!before || !isSuccess(before.status))
      this.#bad("step-before-predecessor", `${runId}: the step before is ${before?.status ?? "absent"}`);
    else if (before.joins !== undefined && this.#shape.header(before.joins)?.outcome !== "complete")
      this.#bad("step-before-group", runId);
  }
  /** Returns when a worker decided to run the attempt. It may start long after that. */
  claimedAt({ runId, attempt }: TaskCall): number {
    const row = this.#shape.rowOf(runId);
    if (row && attemptsOf(row) === attempt && row.startedAt !== undefined) return row.startedAt;
    return this.#heldAt.get(`${runId} ${attempt}`) ?? this.#scheduler.now;
  }
  /**
   * Checks what an attempt learned of an event. An event that was sent stays sent, and it times out only after the
   * run's deadline.
   */
  told(
    { runId, jobId, attempt, groupId, index }: TaskCall,
    process: SimProcess,
    { name }: ScriptWait,
    look: EventLook,
  ): void {
    this.#scheduler.count(`events ${look.kind}`);
    if (this.collected || look.kind === "unsent") return;
    if (look.kind === "sent" && look.value !== eventValue(name))
      this.#bad("wrong-event", `${runId}: ${name} is ${JSON.stringify(look.value)}`);
    const row = this.#shape.rowOf(runId);
    // When an attempt was taken over, whatever it makes of the event is discarded. When a member may run without a
    // claim, each of its executions has its own deadline.
    const unclaimed = attempt === 1 && this.#shape.mayRunThin(groupId, index);
    if (!unclaimed && (row?.status !== "started" || attemptsOf(row) !== attempt)) return;
    const deadline = row?.eventDeadlines?.[name];
    const late = deadline !== undefined && (this.#shape.eventOf(jobId, name)?.at ?? 0) > deadline;
    if (look.kind === "over" && !late && (deadline === undefined || deadline > this.#scheduler.now + process.skew))
      this.#bad("event-over-early", `${runId}: ${name}`);
    if (look.kind === "over" && !this.#shape.mayRunThin(groupId, index) && this.#journal.told(runId, name).has("sent"))
      this.#bad("event-forgotten", `${runId}: ${name}`);
    if (!this.#shape.eventOf(jobId, name) && look.kind === "sent") this.#bad("event-from-nowhere", `${runId}: ${name}`);
    this.#journal.tell(runId, name, look.kind);
  }
  /** Checks the results that a body reads. They are complete and in order, and the same in every attempt of a round. */
  results(call: TaskCall, entries: readonly ResultEntry[]): void {
    if (this.collected) return;
    for (const entry of entries) this.saw(entry, this.claimedAt(call));
    if (call.step === 0) return;
    const before = this.#shape.row({ gid: call.groupId, index: call.index, stepIndex: call.step - 1 });
    if (before?.collects === undefined) return;
    if (entries.some((entry, index) => entry.index !== index)) this.#bad("results-unordered", call.runId);
    if (anyEarly(this.#shape, before.collects)) return;
    const members = flatMembers(this.#shape, before.collects);
    if (entries.length < members) this.#bad("results-incomplete", `${call.runId} read ${entries.length} of ${members}`);
    this.#seen.read(call, entries);
  }

  #bad(kind: string, detail: string): void {
    if (!this.collected || kind === "collected-header-recreated") this.#complaints.bad(kind, detail);
  }
}
