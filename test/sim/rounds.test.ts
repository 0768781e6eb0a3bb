import { NO_ITEMS } from "../../functions/core/task/item-counts.ts";
import { describe, expect, it } from "vitest";
import type { Canvas, Group, Tracking } from "../../functions/core/canvas/canvas.ts";
import type { Json } from "../../functions/core/json.ts";
import { childGroupOf, runIdOf } from "../../functions/core/plan/run-id.ts";
import type { RunStatus } from "../../functions/core/plan/run-state.ts";
import { type Header, headerKey, ledgerKey, type Run, runKey } from "../../functions/engine/item-kinds.ts";
import { rootChange } from "../../functions/engine/items/root-row.ts";
import type { Attributes, Key } from "../../functions/engine/ports.ts";
import { Journal } from "./journal.ts";
import { LeaseWatch } from "./lease-watch.ts";
import { Oracle } from "./oracle.ts";
import { Tiers } from "./tiers.ts";
import { SharedWork } from "./shared-work.ts";
import { seededRandom } from "./random.ts";
import { Reference } from "./reference.ts";
import { Scheduler, type SimProcess } from "./scheduler.ts";
import { partPrefix } from "./ledger-part.ts";
import { Shape, stepsOf } from "./shape.ts";
import { SimQueue } from "./sim-queue.ts";
import { SimStore } from "./sim-store.ts";
import { valueOf } from "./values.ts";
import { type JobSpec, TASKS } from "./workload.ts";
import type { Script } from "./script.ts";

/**
 * These tests write rows, headers and ledgers of a retried group by hand, wrong ones too, and check how the oracle,
 * shape and reference judge them.
 */
const JOB = "job";
const GROUP = childGroupOf(runIdOf(JOB, 0, 0));
const WIDTH = 2;
const PROCESS: SimProcess = { name: "a", skew: 0, weight: 1, alive: true, frozen: false };
const scripts = ["first", "second"].map((label): Script => ({ label, steps: 1, behaviour: "succeed" }));

function groupOf(tracking: Tracking): Group {
  const member = (script: Script): Canvas => ({
    kind: "task",
    task: TASKS.plain,
    args: [],
    kwargs: { script: script as unknown as Json },
    options: {},
    immutable: false,
  });
  return { kind: "group", members: scripts.map(member), options: { policy: "allSuccess", tracking } };
}

/** A job that is one group of two members, in the round of its header. */
class RetriedGroup {
  readonly complaints: string[] = [];
  readonly shape: Shape;
  readonly oracle: Oracle;
  readonly #group: Group;
  readonly #tracking: Tracking;
  readonly #store = new SimStore(seededRandom(1), () => 0);
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #journal = new Journal();

  constructor(round: number, tracking: Tracking = "lazy") {
    this.#group = groupOf(tracking);
    this.#tracking = tracking;
    this.shape = new Shape(
      this.#store,
      this.#blobs,
      WIDTH,
      new Map<string, JobSpec>([[JOB, { kind: "canvas", canvas: this.#group }]]),
    );
    const scheduler = new Scheduler(seededRandom(1));
    const complaints = { bad: (kind: string) => void this.complaints.push(kind) };
    const [store, blobs, shared] = [this.#store, this.#blobs, new SharedWork(0, false, false)];
    const tiers = new Tiers(0, {});
    const world = { scheduler, store, queue: new SimQueue(), blobs, shape: this.shape, shared, tiers };
    this.oracle = new Oracle(world, this.#journal, new LeaseWatch(scheduler, complaints), complaints);
    this.#store.watch((write) => this.oracle.write(write));
    const row = { status: "waiting", round, attempt: 0, joins: GROUP };
    this.#write(headerKey(JOB), rootChange({ set: row }).set as Attributes);
    this.header({ round });
  }
  header(more: Partial<Header>): void {
    const header = {
      state: "open",
      memberCount: 2,
      height: 1,
      joins: runIdOf(JOB, 0, 0),
      policy: "allSuccess",
      tracking: this.#tracking,
      ...more,
    };
    this.#write(headerKey(GROUP), header as unknown as Attributes);
  }
  member(index: number, status: RunStatus, round: number): void {
    const value = status === "success" ? { value: this.valueOf(index) } : {};
    this.#write(runKey({ gid: GROUP, index, stepIndex: 0 }, WIDTH), { status, round, attempt: round + 1, ...value });
  }
  mark(round: number, done: readonly number[], parts?: readonly string[]): void {
    this.#write(ledgerKey(GROUP, round, 1, 0), { done: new Set(done), ...(parts && { parts: new Set(parts) }) });
  }
  /** Stores the value of member 0 as a part. */
  part(round: number, name: string, value: Json): void {
    this.#blobs.set(`${partPrefix(GROUP, round, 0)}/${name}`, new TextEncoder().encode(JSON.stringify([[0, value]])));
  }
  valueOf(index: number): Json {
    return valueOf(scripts[index] as Script, []);
  }
  /** Returns how each member has ended according to the reference. */
  interpreted(): readonly string[] {
    const stored = { value: (run: Run): Json => run.value ?? null, reported: () => NO_ITEMS };
    const complaints = { bad: (kind: string) => void this.complaints.push(kind) };
    const reference = new Reference(this.shape, this.#journal, () => false, stored, complaints);
    return this.#group.members.map(
      (member, index) => reference.strand(GROUP, index, stepsOf(member), undefined).status,
    );
  }
  #write(key: Key, attributes: Attributes): void {
    this.#store.write(PROCESS, { op: "put", key, attributes });
  }
}

describe("a group in its second round", () => {
  it("a member that failed in the round before has not ended, and one that succeeded has", () => {
    const group = new RetriedGroup(1);
    group.member(0, "success", 0);
    group.member(1, "error", 0);
    expect(group.interpreted()).toEqual(["success", "cut"]);
    group.member(1, "success", 1);
    expect(group.interpreted()).toEqual(["success", "success"]);
    expect(group.complaints).toEqual([]);
  });

  it("a mark of a member that failed in the round before is refused by the oracle, and one in a later round is not", () => {
    const group = new RetriedGroup(1);
    group.member(0, "success", 0);
    group.member(1, "error", 0);
    group.mark(1, [0]);
    expect(group.complaints).toEqual([]);
    group.mark(1, [0, 1]);
    expect(group.complaints).toEqual(["marked-without-end"]);
    const retried = new RetriedGroup(1);
    retried.member(1, "error", 1);
    retried.mark(1, [1]);
    expect(retried.complaints).toEqual([]);
  });

  it("a late mark in the ledger of the round before says nothing of this round", () => {
    const group = new RetriedGroup(1);
    group.member(1, "queued", 1);
    group.mark(0, [1]);
    expect(group.complaints).toEqual([]);
  });

  it("a decision by completion needs the members that failed to have run again", () => {
    const decided = { round: 1, outcome: "complete", totals: { success: 2 } } as const;
    const early = new RetriedGroup(1);
    early.member(0, "success", 0);
    early.member(1, "error", 0);
    early.header(decided);
    expect(early.complaints).toEqual(["decided-before-member-finished"]);
    const sound = new RetriedGroup(1);
    sound.member(0, "success", 0);
    sound.member(1, "success", 1);
    sound.header(decided);
    expect(sound.complaints).toEqual([]);
  });

  it("each round is decided once", () => {
    const group = new RetriedGroup(0);
    group.member(0, "success", 0);
    group.member(1, "error", 0);
    group.header({ round: 0, outcome: "failed", totals: { success: 1, error: 1, failedMembers: 1 } });
    group.header({ round: 1 });
    group.member(1, "success", 1);
    group.header({ round: 1, outcome: "complete", totals: { success: 2 } });
    expect(group.complaints).toEqual([]);
  });

  it("a member without a row keeps the value of the round in which it ended", () => {
    const group = new RetriedGroup(0, "ledger");
    group.part(0, "p", group.valueOf(0));
    group.mark(0, [0], ["0.p:0"]);
    group.header({ round: 1 });
    expect(group.shape.row({ gid: GROUP, index: 0, stepIndex: 0 })).toMatchObject({
      status: "success",
      round: 0,
      value: group.valueOf(0),
    });
    expect(group.interpreted()).toEqual(["success", "cut"]);
    expect(group.complaints).toEqual([]);
  });

  it("a part of the second round has its values beside those of the first", () => {
    const group = new RetriedGroup(1, "ledger");
    group.part(1, "q", group.valueOf(0));
    group.mark(1, [0], ["1.q:0"]);
    expect(group.shape.row({ gid: GROUP, index: 0, stepIndex: 0 })).toMatchObject({
      status: "success",
      round: 1,
      value: group.valueOf(0),
    });
    expect(group.complaints).toEqual([]);
    group.mark(1, [0, 1], ["1.q:0", "1.lost:1"]);
    expect(group.complaints).toEqual(["part-lost"]);
  });

  it("a reader may see another end of what had failed, but not of what had succeeded", () => {
    const group = new RetriedGroup(1);
    const saw = (index: number, status: "success" | "error", value: string) =>
      group.oracle.saw({ index, runId: runIdOf(GROUP, index, 0), status, value } as Parameters<Oracle["saw"]>[0]);
    for (const index of [0, 1]) group.member(index, index === 0 ? "success" : "error", 0);
    saw(0, "success", "a");
    saw(1, "error", "b");
    group.member(1, "success", 1);
    saw(1, "success", "c");
    expect(group.complaints).toEqual([]);
    saw(0, "success", "d");
    expect(group.complaints).toEqual(["result-changed"]);
  });
});
