import {
  chainItems,
  chunkGroup,
  errorLinksAfter,
  firstErrorLinks,
} from "../../functions/core/canvas/canvas-composition.ts";
import type {
  Canvas,
  FailurePolicy,
  Repeat,
  Signature,
  Tracking,
  Wait,
  When,
} from "../../functions/core/canvas/canvas.ts";
import { holds } from "../../functions/core/canvas/value-condition.ts";
import type { Json } from "../../functions/core/json.ts";
import { countersOf } from "./item-recount.ts";
import type { Counts } from "../../functions/core/plan/counts.ts";
import type { TaskStep } from "../../functions/core/plan/plan.ts";
import {
  isIdentity,
  jobIdOf,
  linkGroupOf,
  ownerOf,
  parseRunId,
  runIdOf,
  type RunRef,
} from "../../functions/core/plan/run-id.ts";
import { isSuccess, isTerminal } from "../../functions/core/plan/run-state.ts";
import {
  asHeader,
  attemptsOf,
  asRun,
  eventItemKey,
  type Header,
  headerKey,
  ledgerKey,
  planPageKey,
  type Run,
  runKey,
} from "../../functions/engine/item-kinds.ts";
import type { Item } from "../../functions/engine/ports.ts";
import { childrenOf, scriptOf } from "./script-runner.ts";
import { graphStep } from "./graph-shape.ts";
import { type Part, partOf } from "./ledger-part.ts";
import { EverRevoked } from "./ever-revoked.ts";
import { RetryOrders } from "./retry-orders.ts";
import type { SimStore } from "./sim-store.ts";
import { type JobSpec, TASKS } from "./workload.ts";
import type { Script } from "./script.ts";

/** A step of a strand, read from the canvas and the scripts, independent of the engine's own plan. */
export type Step = StepKind & { readonly links: readonly Canvas[]; readonly errors: readonly Canvas[] };
type StepKind =
  | { readonly kind: "task"; readonly signature: Signature; readonly script: Script }
  | {
      readonly kind: "group";
      readonly members: readonly Canvas[];
      readonly policy: FailurePolicy;
      readonly tracking: Tracking;
      /** Set only for a graph: the members that each member follows. */
      readonly parents?: readonly (readonly number[])[];
    }
  | { readonly kind: "flow"; readonly flow: When | Repeat | Wait }
  /** A group whose members are pages that come from outside. */
  | { readonly kind: "input"; readonly pages: readonly (readonly Canvas[])[]; readonly policy: FailurePolicy }
  /** A page of an open group. */
  | { readonly kind: "page"; readonly members: readonly Canvas[]; readonly policy: FailurePolicy };

/** Cached, because the watchers ask at every write. */
const known = new WeakMap<Canvas, readonly Step[]>();
export function stepsOf(canvas: Canvas): readonly Step[] {
  const steps = known.get(canvas) ?? readSteps(canvas, []);
  known.set(canvas, steps);
  return steps;
}
/** `told` holds the error links of the step after a group, which belong to the group too. */
function readSteps(canvas: Canvas, told: readonly Canvas[]): readonly Step[] {
  switch (canvas.kind) {
    case "task":
      return [
        {
          kind: "task",
          signature: canvas,
          script: scriptOf(canvas.kwargs),
          links: canvas.link ?? [],
          errors: canvas.linkError ?? [],
        },
      ];
    case "chunks":
      return readSteps(chunkGroup(canvas), told);
    case "chain": {
      const items = chainItems(canvas);
      const after = errorLinksAfter(items);
      return items.flatMap(({ item }, index) => readSteps(item, item.kind === "group" ? (after[index] ?? []) : []));
    }
    case "when":
    case "repeat":
    case "wait":
      return [{ kind: "flow", flow: canvas, links: canvas.link ?? [], errors: canvas.linkError ?? [] }];
    case "group":
      return [
        {
          kind: "group",
          members: canvas.members,
          policy: canvas.options.policy ?? "allSuccess",
          tracking: canvas.options.tracking ?? "lazy",
          links: [],
          errors: told,
        },
      ];
    case "graph":
      return [graphStep(canvas)];
    case "chord":
      return [...readSteps(canvas.header, firstErrorLinks(canvas.body)), ...stepsOf(canvas.body)];
  }
}
export function stepsOfJob(spec: JobSpec): readonly Step[] {
  if (spec.kind === "canvas") return stepsOf(spec.canvas);
  return [
    { kind: "input", pages: spec.pages, policy: spec.policy ?? "settled", ...ALONE },
    ...(spec.body ? stepsOf(spec.body) : []),
  ];
}

export const repeated = (flow: Repeat, times: number): readonly Step[] =>
  Array.from({ length: times }, () => stepsOf(flow.body)).flat();
const ALONE = { links: [], errors: [] };

/** Finds the strand of a group's member, and reads its items in the store. */
export class Shape {
  readonly #store: SimStore;
  readonly width: number;
  readonly #jobs: ReadonlyMap<string, JobSpec>;
  readonly #blobs: ReadonlyMap<string, Uint8Array>;
  readonly revoked = new EverRevoked();
  readonly orders = new RetryOrders(this);

  constructor(
    store: SimStore,
    blobs: ReadonlyMap<string, Uint8Array>,
    width: number,
    jobs: ReadonlyMap<string, JobSpec>,
  ) {
    this.#store = store;
    this.#blobs = blobs;
    this.width = width;
    this.#jobs = jobs;
  }

  /**
   * Returns the row of a run. For a member that ended without a row, returns the row that its part implies, even when a
   * row exists beside the part.
   */
  row(ref: RunRef): Run | undefined {
    const run = this.#rowlessRun(ref) ?? this.storedRow(ref);
    return run && this.#isVoid(run) ? undefined : run;
  }
  /** Whether a step before was taken up again in a later round, so that this row says nothing any more. */
  #isVoid({ gid, index, stepIndex, round }: Run): boolean {
    for (let step = 0; step < stepIndex; step++)
      if ((this.storedRow({ gid, index, stepIndex: step })?.round ?? 0) > round) return true;
    return false;
  }
  storedRow(ref: RunRef): Run | undefined {
    return asRun(this.#store.peek(runKey(ref, this.width)), {
      ...ref,
      runId: runIdOf(ref.gid, ref.index, ref.stepIndex),
    });
  }
  rowOf(runId: string): Run | undefined {
    const ref = parseRunId(runId);
    return ref && this.row(ref);
  }
  lastRow(gid: string, index: number): Run | undefined {
    return this.#rowlessRun({ gid, index, stepIndex: 0 }) ?? this.lastStoredRow(gid, index);
  }
  lastStoredRow(gid: string, index: number): Run | undefined {
    let last: Run | undefined;
    for (let step = 0; ; step++) {
      const row = this.storedRow({ gid, index, stepIndex: step });
      if (!row || row.round < (last?.round ?? 0)) return last;
      last = row;
    }
  }
  /** Returns the groups of callbacks that should exist beside the runs of a member, up to this step. */
  sides(gid: string, index: number, upTo: number): { readonly gid: string; readonly callbacks: readonly Canvas[] }[] {
    const sides: { gid: string; callbacks: readonly Canvas[] }[] = [];
    const strand = this.strand(gid, index);
    if (!strand?.some(({ links, errors }) => links.length > 0 || errors.length > 0)) return sides;
    for (let step = 0; step <= upTo; step++) {
      const what = strand[step];
      const run = this.row({ gid, index, stepIndex: step });
      if (!what || !run || !isTerminal(run.status)) continue;
      const good = isSuccess(run.status);
      const silent = run.status === "cancelled" && run.error?.reason !== "expired" && run.error?.reason !== "revoked";
      const callbacks = good ? what.links : silent ? [] : what.errors;
      if (callbacks.length > 0)
        sides.push({ gid: linkGroupOf(run.runId, good ? "links" : "errors", run.round), callbacks });
    }
    return sides;
  }

  /** Returns whether the canvas lets this member run without a claim. */
  mayRunThin(gid: string, index: number): boolean {
    const tracking = this.trackingOf(gid);
    const strand = tracking === "result" || tracking === "ledger" ? this.strand(gid, index) : undefined;
    const [step] = strand ?? [];
    if (strand?.length !== 1 || step?.kind !== "task" || step.links.length > 0 || step.errors.length > 0) return false;
    if (step.script.reports || step.signature.task === TASKS.bulk) return false;
    if ((step.signature.options.dedupe ?? "none") !== "none") return false;
    return step.signature.options.countdown === undefined && step.signature.options.eta === undefined;
  }
  /** Returns undefined when the group does not come from a canvas. */
  trackingOf(gid: string): Tracking | undefined {
    return this.groupStep(gid)?.tracking;
  }
  groupStep(gid: string): Extract<Step, { readonly kind: "group" }> | undefined {
    const ref = /\.g\d*$/.test(gid) ? parseRunId(ownerOf(gid) as string) : undefined;
    const step = ref && this.strand(ref.gid, ref.index)?.[ref.stepIndex];
    return step?.kind === "group" ? step : undefined;
  }
  /**
   * Returns the parts that vouch for a member and their round. The last round that has a node for the member counts,
   * because it takes over the parts that stay. A process of an earlier round may still add to the node of that round.
   */
  partsOf(gid: string, index: number): { readonly round: number; readonly parts: readonly Part[] } {
    const leaf = Math.floor(index / this.width);
    for (let round = this.roundOf(gid); round >= 0; round--) {
      const node = this.leaf(gid, round, leaf);
      if (!node) continue;
      const entries = (node.attributes["parts"] ?? []) as Iterable<string>;
      const parts = [...entries].map((entry) => partOf(entry, gid, leaf));
      return { round, parts: parts.filter(({ locals }) => locals.includes(index % this.width)) };
    }
    return { round: 0, parts: [] };
  }
  /** Returns undefined when the values were lost. */
  partValues(blob: string): ReadonlyMap<number, Json> | undefined {
    const content = this.#blobs.get(blob);
    return content && new Map(JSON.parse(new TextDecoder().decode(content)) as [number, Json][]);
  }
  #rowlessRun({ gid, index, stepIndex }: RunRef): Run | undefined {
    if (stepIndex > 0 || !this.#isLedger(gid)) return undefined;
    const { round, parts } = this.partsOf(gid, index);
    const [part] = parts;
    if (!part) return undefined;
    const value = part.blob === undefined ? undefined : this.partValues(part.blob)?.get(index % this.width);
    const [task] = this.strand(gid, index) ?? [];
    const counts: Counts = { success: 1, ...(task?.kind === "task" && countersOf(task.script)) };
    const ref = { gid, index, stepIndex, runId: runIdOf(gid, index, stepIndex) };
    return {
      ...ref,
      v: 1,
      jobId: jobIdOf(gid),
      ttl: 0,
      status: "success",
      round,
      attempt: 1,
      counts,
      ...(value !== undefined && { value }),
    };
  }
  #isLedger(gid: string): boolean {
    return this.header(gid)?.tracking === "ledger";
  }

  /** Returns the event. `at` is the time of sending by the sender's clock. */
  eventOf(jobId: string, name: string): { readonly at: number } | undefined {
    return this.#store.peek(eventItemKey(jobId, name))?.attributes as { readonly at: number } | undefined;
  }
  leaf = (gid: string, round: number, leaf: number): Item | undefined =>
    this.#store.peek(ledgerKey(gid, round, 1, leaf));
  header(gid: string): Header | undefined {
    return asHeader(this.#store.peek(headerKey(gid)));
  }
  /** The round that has made the end of a round of an identity, where that was verified: `<gid> <round>`. */
  readonly madeIn = new Map<string, number>();
  roundOf(gid: string): number {
    return this.header(gid)?.round ?? 0;
  }
  stepKind(runId: string): "stream" | "other" {
    const ref = parseRunId(runId);
    const step = ref && this.strand(ref.gid, ref.index)?.[ref.stepIndex];
    return step?.kind === "task" && step.script.stream ? "stream" : "other";
  }
  /** Returns whether all runs that a message names have ended. */
  allEnded(body: unknown): boolean {
    const { gid, step, members } = body as { gid: string; step?: number; members?: number[] };
    return (members ?? []).every((index) => this.hasEnded(this.row({ gid, index, stepIndex: step ?? 0 })));
  }
  /**
   * Returns whether a run has ended in a round, by default in the round of its group. A success lasts for all later
   * rounds, but a failed run is run again in each that takes it.
   */
  hasEnded(run: Run | undefined, round = run && this.roundOf(run.gid)): run is Run {
    if (run === undefined || !isTerminal(run.status)) return false;
    return isSuccess(run.status) || run.round >= (round ?? 0) || this.orders.keeps(run, round ?? 0);
  }

  /** Returns the stamps of a run from the canvas, in the form in which the root lists revoked stamps. */
  teams(ref: RunRef): readonly string[] {
    const step = this.strand(ref.gid, ref.index)?.[ref.stepIndex];
    const team = step?.kind === "task" ? step.signature.options.stamps?.["team"] : undefined;
    return team === undefined ? [] : [team].flat().map((each) => `team=${JSON.stringify(each)}`);
  }
  /** Returns whether a run is or was revoked, by its id or by a stamp. */
  isRevoked(ref: RunRef): boolean {
    const header = this.header(ref.gid);
    return (header !== undefined && this.revoked.byId(header, ref)) || this.revoked.byStamp(ref.gid, this.teams(ref));
  }

  /** Returns the number of members from 0 upward that have a row. */
  membersWithRows(gid: string): number {
    for (let members = 0; ; members++) if (!this.row({ gid, index: members, stepIndex: 0 })) return members;
  }

  /** Returns the strand of a member. Returns undefined when the strand is unknown, for good or so far. */
  strand(gid: string, index: number): readonly Step[] | undefined {
    const owner = ownerOf(gid);
    if (isIdentity(gid)) return this.#identityStrand(gid);
    if (owner === undefined) {
      const job = this.#jobs.get(gid);
      return job && index === 0 ? stepsOfJob(job) : undefined;
    }
    const ref = parseRunId(owner) as RunRef;
    const step = this.strand(ref.gid, ref.index)?.[ref.stepIndex];
    if (!step) return undefined;
    if (/\.[le]\d*$/.test(gid)) {
      const callback = (/\.l\d*$/.test(gid) ? step.links : step.errors)[index];
      return callback && stepsOf(callback);
    }
    const member = this.#member(step, owner, gid, index);
    return member && (Array.isArray(member) ? (member as readonly Step[]) : stepsOf(member as Canvas));
  }
  /** Returns the task that an identity was begun with. Its arguments are in its id, so the engine cannot choose them. */
  #identityStrand(gid: string): readonly Step[] | undefined {
    const header = this.header(gid);
    if (!header) return undefined;
    const { task, args = [], kwargs = {}, options = {} } = header.step ?? this.#pagedStep(header.plan ?? "");
    return stepsOf({ kind: "task", task, args, kwargs, options, immutable: true });
  }
  #pagedStep(pointer: string): TaskStep {
    const page = pointer.slice(0, pointer.lastIndexOf("@"));
    const blob = this.#blobs.get(`${page.slice(0, page.indexOf("!"))}/plan/${page}`);
    const text = this.#store.peek(planPageKey(page))?.attributes["strands"] ?? new TextDecoder().decode(blob);
    return JSON.parse(text as string)[0][0].members[0][0] as TaskStep;
  }
  #member(step: Step, owner: string, gid: string, index: number): Canvas | readonly Step[] | undefined {
    switch (step.kind) {
      case "group":
      case "page":
        return step.members[index];
      case "flow":
        return this.#flowMember(step.flow, gid, index);
      case "input": {
        const members = step.pages[index];
        return members && [{ kind: "page", members, policy: step.policy, ...ALONE }];
      }
      case "task": {
        const { script } = step;
        if (script.stream) {
          const members = this.pageItems(gid, index, script.stream.items);
          return members && [{ kind: "page", members, policy: script.stream.policy, ...ALONE }];
        }
        const row = this.rowOf(owner);
        return script.spawn && row ? childrenOf(script, attemptsOf(row))[index] : undefined;
      }
    }
  }
  #flowMember(flow: When | Repeat | Wait, gid: string, index: number): Canvas | readonly Step[] | undefined {
    if (index > 0 || flow.kind === "wait") return undefined;
    if (flow.kind === "when") return this.header(gid)?.only === 1 ? flow.otherwise : flow.do;
    return repeated(flow, flow.most);
  }
  /** Returns whether a strand has ended. A repeated strand ends as soon as its value meets the condition. */
  isOver(header: Header, last: Run, steps: number): boolean {
    if (last.stepIndex + 1 >= steps) return true;
    if (!header.repeat || (last.stepIndex + 1) % (steps / header.repeat.most) !== 0) return false;
    return last.valueRef !== undefined || holds(header.repeat.until, last.value ?? null);
  }
  /**
   * Returns the items that the owner of an open group put into a page. The page's row holds the number of items up to
   * its end.
   */
  pageItems(gid: string, page: number, items: readonly Canvas[]): readonly Canvas[] | undefined {
    const cursor = (index: number): number | undefined => this.row({ gid, index, stepIndex: 0 })?.cursorAfter?.items;
    const [start, end] = [page === 0 ? 0 : cursor(page - 1), cursor(page)];
    return start === undefined || end === undefined ? undefined : items.slice(start, end);
  }
}
