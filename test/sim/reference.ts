import type { Canvas, FailurePolicy, Repeat, Wait, When } from "../../functions/core/canvas/canvas.ts";
import { holds } from "../../functions/core/canvas/value-condition.ts";
import { canonicalJson, type Json } from "../../functions/core/json.ts";
import { addCounts, type Counts, ignoredFailures } from "../../functions/core/plan/counts.ts";
import { childGroupOf, jobIdOf, ownerOf, runIdOf } from "../../functions/core/plan/run-id.ts";
import { isFailure, isSuccess, type TerminalStatus } from "../../functions/core/plan/run-state.ts";
import { attemptsOf, type Header, type Run } from "../../functions/engine/item-kinds.ts";
import { childGroup } from "../../functions/engine/items/run-reads.ts";
import { endOfGroup } from "./graph-shape.ts";
import { countersOf, sealedItems, withRun } from "./item-recount.ts";
import type { Journal } from "./journal.ts";
import {
  type Ended,
  groupEnd,
  type GroupEnd,
  handleOf,
  inputOf,
  isKnown,
  jsonOf,
  NOTHING,
  shorten,
  type Stored,
  type Value,
  withExtras,
} from "./reference-values.ts";
import { childrenOf } from "./script-runner.ts";
import { repeated, type Shape, type Step, stepsOf } from "./shape.ts";
import { outputOf } from "./sim-executions.ts";
import { toldAs, valueOf, withoutGroup } from "./values.ts";
import { behaviourIn, executionIn } from "./script-in-round.ts";
import { TASKS } from "./workload.ts";
import type { Script } from "./script.ts";

const CUT: Ended = { status: "cut", counts: undefined };

export interface Complaints {
  bad(kind: string, detail: string): void;
}

/**
 * Interprets a job again, from its canvas and scripts alone, and compares every row on the way. It looks up only what
 * chance decides. This is the attempt that committed, the pages of a stream, and whether a run expired, was stopped or
 * died too often. A run that failed in an earlier round than its group's has not ended, because it will run again.
 */
export class Reference {
  readonly #shape: Shape;
  readonly #journal: Journal;
  readonly #mayBeKilled: (runId: string) => boolean;
  readonly #stored: Stored;
  readonly #complaints: Complaints;

  /** `mayBeKilled` tells whether the process died so often that the run may have become broken. */
  constructor(
    shape: Shape,
    journal: Journal,
    mayBeKilled: (runId: string) => boolean,
    stored: Stored,
    complaints: Complaints,
  ) {
    this.#mayBeKilled = mayBeKilled;
    this.#shape = shape;
    this.#journal = journal;
    this.#stored = stored;
    this.#complaints = complaints;
  }

  strand(gid: string, index: number, steps: readonly Step[], input: Value | undefined): Ended {
    let carried: Counts | undefined = {};
    let last: Ended = CUT;
    let given = input;
    const extras: Ended[] = [];
    for (const [stepIndex, what] of steps.entries()) {
      const ref = { gid, index, stepIndex };
      const run = this.#shape.row(ref);
      if (!this.#shape.hasEnded(run)) return CUT;
      last = what.kind === "task" ? this.#task(run, what, given) : this.#group(run, what, given);
      carried = carried && last.counts && withRun(carried, last, run, this.#stored.reported(run));
      extras.push(...(last.extras ?? []));
      if (last.status === "cut") return CUT;
      if (last.status !== run.status) {
        this.#complaints.bad("wrong-status", `${run.runId} is ${run.status}, must be ${last.status}`);
        return CUT;
      }
      if (isFailure(last.status)) break;
      given = last.value ?? NOTHING;
    }
    const upTo = steps.findLastIndex((_, step) => this.#shape.row({ gid, index, stepIndex: step }) !== undefined);
    for (const side of this.#shape.sides(gid, index, upTo)) {
      const beside = this.#side(side.gid, side.callbacks);
      carried = carried && beside && addCounts(carried, beside);
    }
    return { ...last, counts: carried, extras };
  }
  /**
   * Returns the counts of callbacks beside a run. Their outcomes do not matter to the run, but each must be called with
   * the right input.
   */
  #side(gid: string, callbacks: readonly Canvas[]): Counts | undefined {
    const header = this.#shape.header(gid);
    if (header?.outcome !== "complete") return undefined;
    const input = this.#sideInput(gid);
    const ended = callbacks.map((callback, index) => this.strand(gid, index, stepsOf(callback), input));
    const counts = ended.map((each) => each.counts);
    return counts.every((each) => each !== undefined) ? ignoredFailures(counts) : undefined;
  }
  #sideInput(gid: string): Value {
    const run = this.#shape.rowOf(ownerOf(gid) as string);
    if (!run || /\.e\d*$/.test(gid) || run.collects !== undefined) return { kind: "unknown" };
    return { kind: "json", json: this.#stored.value(run) };
  }

  #task(run: Run, step: Extract<Step, { kind: "task" }>, input: Value | undefined): Ended {
    const ended = this.#attempted(run, step, input);
    const { stream } = step.script;
    const header = stream && run.joins === undefined ? this.#shape.header(childGroup(run)) : undefined;
    if (!stream || !header) return ended;
    const streamed = header.early || header.memberCount === undefined ? undefined : this.#streamed(run, stream).counts;
    return { ...ended, counts: streamed && ended.counts && addCounts(ended.counts, streamed) };
  }
  #streamed(run: Run, { items, policy }: NonNullable<Script["stream"]>): GroupEnd {
    const pageSize = (page: number): number | undefined => this.#shape.pageItems(childGroup(run), page, items)?.length;
    return this.#open(
      run,
      items.map((child) => stepsOf(child)),
      pageSize,
      policy,
    );
  }
  #attempted(run: Run, { signature, script }: Extract<Step, { kind: "task" }>, input: Value | undefined): Ended {
    const plain = (status: TerminalStatus, value?: Value): Ended => ({
      status,
      counts: { [status]: 1 },
      ...(value && { value }),
    });
    if (run.status === "cancelled" && run.error?.reason === "revoked") return this.#wasRevoked(run);
    if (run.status === "cancelled" && run.error?.reason !== "expired") return CUT;
    if (run.status === "cancelled" && signature.options.expires !== undefined)
      return { status: "cancelled", counts: { cancelled: 1, u_expired: 1 } };
    if (run.status === "broken" && run.error?.reason === "task_killed" && this.#mayBeKilled(run.runId))
      return plain("broken");
    if (run.status === "broken" && run.error?.reason === "dead_letter" && (run.deadLetters ?? 0) >= 3)
      return plain("broken");
    if (run.adopts !== undefined) return this.#adopted(run, run.adopts, { signature, script }, input);
    if (
      signature.options.dedupe !== undefined &&
      signature.options.dedupe !== "none" &&
      run.error?.reason !== "dead_letter"
    )
      this.#complaints.bad("ran-by-itself", run.runId);
    const behaviour = behaviourIn(script, run.round);
    const waits = (script.waits ?? [])
      .flat()
      .map((wait) => ({ ...wait, told: this.#journal.told(run.runId, wait.name) }));
    if (
      run.status === "error" &&
      run.error?.reason === "event_timeout" &&
      waits.some(({ fails, told }) => fails && told.has("over"))
    )
      return plain("error");
    if (script.needs && run.status === "broken") return plain("broken");
    if (behaviour === "broken")
      return plain(run.status === "error" && this.#journal.wasAborted(run.runId) ? "error" : "broken");
    // A failing child may decide the group of a task before its generator throws.
    const threw = !script.stream || run.joins === undefined;
    if ((behaviour === "always" || behaviour === "fatal") && threw) return plain("error");
    if (run.status === "error" && run.joins === undefined && this.#journal.wasAborted(run.runId)) return plain("error");
    if (run.status === "error" && run.error?.reason === "task_timeout" && this.#journal.wasOverdue(run.runId))
      return plain("error");
    if (run.error?.reason === "tracking_too_thin" && this.#mayBeTooThin(run, script)) return plain("error");

    const args = this.#arguments(
      signature.args,
      signature.immutable ? undefined : input,
      signature.task === TASKS.streaming,
    );
    const silent = signature.options.ignoreResult ?? signature.task === TASKS.silent;
    // Attempts that learned of both ends have met an event that was on its way for a long time.
    const told = script.stream
      ? []
      : waits.flatMap(({ name, told: kinds }) => [...kinds].map((kind) => toldAs(name, kind)));
    // A step that a round kept has a value that it made of what the steps before had given it earlier.
    const kept = run.round > 0 && run.stepIndex > 0 && this.#journal.argumentsOf(run.runId, run.round).length === 0;
    const sure = !kept && !script.needs && (script.stream || waits.every(({ told: { size } }) => size === 1));
    if (!script.stream && isSuccess(run.status) && waits.some(({ told: { size } }) => size === 0))
      this.#complaints.bad("did-not-wait", run.runId);
    const own: Value = silent
      ? NOTHING
      : args && sure
        ? { kind: "json", json: valueOf(script, args, told) }
        : { kind: "unknown" };
    if (behaviour === "skip") return this.#valued(run, plain("skipped", own));
    if (
      script.stream &&
      run.status === "error" &&
      run.joins === undefined &&
      run.error?.reason === "task_timeout" &&
      this.#journal.wasLate(run.runId)
    )
      return plain("error");
    if (script.stream) {
      const counts = { success: 1, ...sealedItems(this.#shape.header(childGroup(run)), script) };
      return this.#parent(run, this.#streamed(run, script.stream), counts, script.stream.own ? own : undefined);
    }
    const ends = executionIn(script, run.round);
    if (ends) {
      if (run.status === "error" && run.error?.reason === "task_timeout" && signature.options.timeout !== undefined)
        return plain("error");
      const made: Value = silent || own.kind !== "json" ? own : { kind: "json", json: outputOf(own.json) };
      return ends === "fails" ? plain("error") : this.#valued(run, plain("success", made));
    }
    const counts: Counts = { success: 1, ...countersOf(script) };
    const children = script.spawn ? childrenOf(script, attemptsOf(run)).map((child) => stepsOf(child)) : [];
    if (!script.spawn || children.length === 0) return this.#valued(run, { ...plain("success", own), counts });
    const { policy, value } = script.spawn;
    const gid = childGroup(run);
    const end = groupEnd(
      policy,
      children.map((steps, index) => this.strand(gid, index, steps, undefined)),
    );
    if (value === "replace" && end.outcome === "complete")
      return {
        ...this.#parent(run, end, counts, end.entries[0]?.value ?? NOTHING),
        extras: end.entries[0]?.extras ?? [],
      };
    const ended = this.#parent(run, end, counts, value === "group" ? undefined : own);
    return value === "extras" && ended.status === "success" ? { ...ended, extras: end.all } : ended;
  }
  /** Returns the end of a run that has taken over how a shared run ended. */
  #adopted(
    run: Run,
    identity: string,
    { signature, script }: Pick<Extract<Step, { kind: "task" }>, "signature" | "script">,
    input: Value | undefined,
  ): Ended {
    const plain = (status: TerminalStatus): Ended => ({ status, counts: { [status]: 1 } });
    const shared = runIdOf(identity, 0, 0);
    const { status, error } = run;
    if (status === "broken" && error?.reason === "task_killed" && this.#mayBeKilled(shared)) return plain("broken");
    if (status === "broken" && ["dead_letter", "newer_version"].includes(error?.reason ?? "")) return plain("broken");
    if (status === "error" && this.#journal.wasAborted(shared)) return plain("error");
    if (status === "error" && error?.reason === "task_timeout" && this.#journal.wasOverdue(shared))
      return plain("error");
    const behaviour = behaviourIn(
      script,
      this.#shape.madeIn.get(`${identity} ${run.adoptsRound}`) ?? run.adoptsRound ?? 0,
    );
    if (behaviour === "broken" || (script.needs && status === "broken")) return plain("broken");
    if (behaviour === "always" || behaviour === "fatal") return plain("error");
    const args = this.#arguments(signature.args, signature.immutable ? undefined : input, false);
    const silent = signature.options.ignoreResult ?? signature.task === TASKS.silent;
    const sure = args && !script.needs && !script.changes && !script.tells;
    const value: Value = silent ? NOTHING : sure ? { kind: "json", json: valueOf(script, args) } : { kind: "unknown" };
    if (behaviour === "skip") return this.#valued(run, { ...plain("skipped"), value });
    return this.#valued(run, { status: "success", counts: { success: 1, ...countersOf(script) }, value });
  }
  /**
   * Returns whether the run may fail because an attempt without a claim cannot have children. A redelivered run is
   * claimed, so it may have them.
   */
  #mayBeTooThin(run: Run, script: Script): boolean {
    return (
      (script.spawn ?? script.stream) !== undefined &&
      run.joins === undefined &&
      run.attempt === 1 &&
      this.#shape.mayRunThin(run.gid, run.index)
    );
  }
  #wasRevoked(run: Run): Ended {
    if (!this.#shape.isRevoked(run)) this.#complaints.bad("revoked-by-nobody", run.runId);
    return { status: "cancelled", counts: run.joins === undefined ? { cancelled: 1 } : undefined };
  }
  #group(run: Run, step: Exclude<Step, { kind: "task" }>, input: Value | undefined): Ended {
    const gid = childGroup(run);
    if (run.status === "cancelled" && run.error?.reason === "revoked") return this.#wasRevoked(run);
    const expired =
      step.kind === "flow" &&
      step.flow.kind === "wait" &&
      step.flow.expires !== undefined &&
      run.error?.reason === "expired";
    if (run.status === "cancelled" && expired) return { status: "cancelled", counts: { cancelled: 1, u_expired: 1 } };
    if (run.status === "cancelled") return CUT;
    if (step.kind === "input") {
      const items = step.pages.flat().map((child) => stepsOf(child));
      return this.#parent(
        run,
        this.#open(run, items, (page) => step.pages[page]?.length, step.policy),
        {},
        undefined,
      );
    }
    if (step.kind === "flow") return this.#flow(gid, run, step.flow, input);
    const end = endOfGroup(step, input, {
      strand: (index, given) => this.strand(gid, index, stepsOf(step.members[index] as Canvas), given),
      row: (index) => this.#shape.row({ gid, index, stepIndex: 0 }),
      bad: (...complaint) => this.#complaints.bad(...complaint),
    });
    return this.#parent(run, end, {}, undefined);
  }
  #flow(gid: string, run: Run, flow: When | Repeat | Wait, input: Value | undefined): Ended {
    const header = this.#shape.header(gid);
    if (!header) return CUT;
    switch (flow.kind) {
      case "when":
        return this.#when(header, run, flow, input);
      case "repeat":
        return this.#repeat(gid, run, flow, input);
      case "wait": {
        if (run.status === "error") return { status: "error", counts: { error: 1 } };
        const answer = flow.of === "event" ? `event ${flow.name}` : `answer to ${run.runId}`;
        return this.#valued(run, { status: "success", counts: {}, value: { kind: "json", json: answer } });
      }
    }
  }
  #when(header: Header, run: Run, flow: When, input: Value | undefined): Ended {
    const asked = inputOf(input);
    const only = asked === undefined ? header.only : holds(flow.condition, asked) ? 0 : 1;
    // A retry that keeps what comes after a step keeps the way that was taken for its earlier value.
    const kept = this.#shape.header(jobIdOf(run.gid))?.retry?.keepDownstream === true;
    if (only !== header.only && !kept)
      this.#complaints.bad("wrong-way", `${run.runId} went way ${header.only}, must go ${only}`);
    const way = only === 0 ? flow.do : flow.otherwise;
    if (!way) return this.#parent(run, groupEnd("allSuccess", []), {}, input ?? NOTHING);
    return this.#inPlace(run, this.strand(header.gid, 0, stepsOf(way), input));
  }
  #repeat(gid: string, run: Run, flow: Repeat, input: Value | undefined): Ended {
    const period = stepsOf(flow.body).length;
    for (let times = 1; ; times++) {
      const ended = this.strand(gid, 0, repeated(flow, times), input);
      if (ended.status === "cut" || isFailure(ended.status)) return this.#inPlace(run, ended);
      const { value = NOTHING } = ended;
      const json = value.kind === "json" ? value.json : value.kind === "group" ? handleOf(value.entries) : undefined;
      const more = this.#shape.row({ gid, index: 0, stepIndex: times * period }) !== undefined;
      if (json === undefined ? !more && run.status === "success" : holds(flow.until, json))
        return this.#inPlace(run, ended);
      if (times === flow.most) return { status: "error", counts: ended.counts };
    }
  }
  /** Returns the end of a run that takes the value of the only member of its group. */
  #inPlace(run: Run, ended: Ended): Ended {
    return {
      ...this.#parent(run, groupEnd("allSuccess", [ended]), {}, ended.value ?? NOTHING),
      extras: ended.extras ?? [],
    };
  }
  /** Returns the end of an open group, whose failures count over all pages. */
  #open(
    run: Run,
    items: readonly (readonly Step[])[],
    pageSize: (page: number) => number | undefined,
    policy: FailurePolicy,
  ): GroupEnd {
    const gid = childGroup(run);
    const sealed = this.#shape.header(gid)?.memberCount;
    const pages = sealed ?? this.#shape.membersWithRows(gid);
    const entries: Ended[] = [];
    const all: Ended[] = [];
    for (let page = 0; page < pages; page++) {
      const inside = childGroupOf(runIdOf(gid, page, 0));
      const size = pageSize(page);
      if (size === undefined) return { outcome: "cut", entries: [], all: [], failed: 0, counts: undefined };
      const ofPage: Ended[] = [];
      for (let index = 0; index < size; index++)
        ofPage.push(this.strand(inside, index, items[entries.length + index] ?? [], undefined));
      entries.push(...ofPage);
      all.push(...withExtras(ofPage));
    }
    if (entries.length !== items.length && run.status === "success")
      this.#complaints.bad("items-lost", `${run.runId} has ${entries.length} of ${items.length} items in its pages`);
    // The group decided while its owner was still streaming, so the remaining items were not needed.
    return groupEnd(policy, sealed === undefined ? [...entries, CUT] : entries, all);
  }
  /** Returns the end of a run that waited for children. Without its own value, the run takes their results. */
  #parent(run: Run, end: GroupEnd, own: Counts, value: Value | undefined): Ended {
    if (run.status === "cancelled" && run.error?.reason === "revoked") return this.#wasRevoked(run);
    if (run.status === "cancelled" || end.outcome === "cut") return CUT;
    const counts = end.counts && addCounts(own, end.counts);
    if (end.outcome === "failed") return { status: "error", counts };
    return this.#valued(run, {
      status: "success",
      counts,
      value: value ?? { kind: "group", entries: end.entries, all: end.all },
    });
  }

  #arguments(args: readonly Json[], input: Value | undefined, streams: boolean): readonly Json[] | undefined {
    if (!input) return args;
    if (!isKnown(input)) return undefined;
    return [input.kind === "group" && streams ? handleOf(input.entries) : jsonOf(input), ...args];
  }
  #valued(run: Run, ended: Ended): Ended {
    const { value } = ended;
    if (!value || value.kind === "unknown" || !isSuccess(run.status)) return ended;
    const stored = this.#stored.value(run);
    const wanted = value.kind === "group" ? handleOf(value.entries) : value.json;
    const found = value.kind === "group" ? withoutGroup(stored) : stored;
    if (canonicalJson(found) !== canonicalJson(wanted))
      this.#complaints.bad("wrong-value", `${run.runId} has ${shorten(found)}, must have ${shorten(wanted)}`);
    return ended;
  }
}
