import { createHash } from "node:crypto";
import { canonicalJson, type Json } from "../../functions/core/json.ts";
import { isIdentity, jobIdOf, parseRunId } from "../../functions/core/plan/run-id.ts";
import { isSuccess, isTerminal } from "../../functions/core/plan/run-state.ts";
import type { DependencyEnd, TaskCall } from "../../functions/core/task/invocation.ts";
import type { Context } from "../../functions/engine/context.ts";
import { attemptsOf, type Run } from "../../functions/engine/item-kinds.ts";
import { type Edge, outcomeOf } from "../../functions/engine/items/edge-items.ts";
import type { Item } from "../../functions/engine/ports.ts";
import type { Complaints } from "./reference.ts";
import type { SimProcess } from "./scheduler.ts";
import { rowOf } from "./row-of.ts";
import type { Watched } from "./sim-ports.ts";
import { VersionWatch } from "./version-watch.ts";

const IDS = { ids: { hash: (text: string) => createHash("sha256").update(text).digest("hex") } } as Context;

/**
 * Watches runs that depend on shared runs. Code is given an end that was committed. A run is broken by a failed
 * dependency, or by a cycle, only where there is one. A shared run begins again because of another one only when that has
 * ended otherwise. In the end no shared run has consumed an end that is no more.
 */
export class DependencyWatch {
  readonly #world: Watched;
  readonly #complaints: Complaints;
  /** How runs of each label have ended, as code is told of it. */
  readonly #ends = new Map<string, Set<string>>();

  /** Attempts that were told of an end. */
  readonly #consumers = new Set<string>();

  readonly versions: VersionWatch;

  constructor(world: Watched, complaints: Complaints) {
    this.versions = new VersionWatch(world, this, complaints);
    this.#world = world;
    this.#complaints = complaints;
  }
  write(process: SimProcess, before: Run | undefined, after: Run): void {
    if (isIdentity(after.gid)) this.versions.write(process, before, after);
    if (isIdentity(after.gid) && before && after.round > before.round && after.cause) this.#renewed(before, after);
    if (!isTerminal(after.status) || (before && isTerminal(before.status) && before.round === after.round)) return;
    if (isIdentity(after.gid)) this.#ended(after);
    const { error } = after;
    // It has only taken over the error of another run.
    if (error?.runId !== undefined) return;
    if (error?.reason === "dependency_cycle") this.#cycle(after);
    if (error?.reason === "dependency_has_error") this.#world.scheduler.count("dependencyFailed");
  }
  /** Checks what code was told of a dependency. */
  consumed(call: TaskCall, kind: number, end: DependencyEnd): void {
    this.#consumers.add(`${call.runId} ${call.attempt}`);
    this.#world.scheduler.count("endsConsumed");
    const told = "error" in end ? `broken ${end.error.reason ?? ""}` : `good ${canonicalJson(end.value)}`;
    if (this.#ends.get(`s${kind}`)?.has(told) !== true)
      this.#complaints.bad("consumed-no-end", `${call.runId} was told that s${kind} is ${told.slice(0, 200)}`);
  }
  #ended(run: Run): void {
    if (isSuccess(run.status) && this.#consumers.has(`${run.runId} ${attemptsOf(run)}`) && run.edges === undefined)
      this.#complaints.bad("edges-lost", `${run.runId} round ${run.round} has consumed ends, and names none`);
    const label = this.#labelOf(run.gid);
    const ends = this.#ends.get(label) ?? new Set<string>();
    this.#ends.set(label, ends);
    if (run.status === "broken") ends.add(`broken ${run.error?.reason ?? ""}`);
    if (isSuccess(run.status)) ends.add(`good ${canonicalJson(this.#valueOf(run))}`);
  }
  #valueOf({ value, valueRef }: Run): Json {
    if (valueRef === undefined) return value ?? null;
    return JSON.parse(new TextDecoder().decode(this.#world.blobs.get(valueRef))) as Json;
  }
  #labelOf(gid: string): string {
    const [step] = this.#world.shape.strand(gid, 0) ?? [];
    return step?.kind === "task" ? step.script.label : "?";
  }
  #renewed(before: Run, after: Run): void {
    this.#world.scheduler.count("renewed");
    const by = after.cause?.at(-1) ?? "";
    const edges = this.edgesOf(before).filter((edge) => edge.gid === by);
    const now = this.#world.shape.row({ gid: by, index: 0, stepIndex: 0 });
    const changed = now === undefined || edges.some(({ outcome }) => outcome !== outcomeOf(IDS, now));
    // Between the look and the write the other may have begun, or ended again.
    if (edges.length === 0 || (!changed && now?.round === after.asked?.[by] && isTerminal(now.status)))
      this.#complaints.bad("renewed-unchanged", `${after.runId} round ${after.round} because of ${by}`);
  }
  #cycle(run: Run): void {
    this.#world.scheduler.count("cyclesRefused");
    const { gid, index, stepIndex } = parseRunId(run.runId) as NonNullable<ReturnType<typeof parseRunId>>;
    const step = this.#world.shape.strand(gid, index)?.[stepIndex];
    const root = this.#world.shape.strand(jobIdOf(gid), 0)?.[0];
    const scripts = [step, root].flatMap((each) => (each?.kind === "task" ? [each.script] : []));
    if (!scripts.some((script) => this.#world.shared.reachesCycle(script)))
      this.#complaints.bad("cycle-that-is-none", `${run.runId}: ${run.error?.message}`);
  }
  edgesOf(run: Run): readonly Edge[] {
    if (run.edges === undefined) return [];
    const item = this.#world.store.peek({ table: "tasks", partition: `DE#${run.runId}`, sort: run.edges });
    return Object.values((item?.attributes["edges"] ?? {}) as unknown as { readonly [name: string]: Edge });
  }
  /**
   * Finds a shared run that has consumed an end which is no more. Not when nobody had asked for the later end, and its
   * message was lost: the engine compares both when somebody asks.
   */
  stale(items: readonly Item[]): string | undefined {
    const lost = new Set(this.#world.queue.lost.map((body) => (body as { readonly gid?: string }).gid));
    const awaited = ({ gid, round }: Run): boolean =>
      items.some(({ key }) => key.partition.startsWith(`U#${gid}#`) && Number.parseInt(key.sort) === round);
    for (const item of items) {
      const run =
        item.key.table === "tasks" && item.key.partition.startsWith("G#~")
          ? rowOf(item, this.#world.shape.width)
          : undefined;
      if (!run || !isIdentity(run.gid) || !isTerminal(run.status)) continue;
      for (const { gid, outcome } of this.edgesOf(run)) {
        const now = this.#world.shape.row({ gid, index: 0, stepIndex: 0 });
        if (!now || !isTerminal(now.status) || outcomeOf(IDS, now) === outcome) continue;
        if (!lost.has(gid) || awaited(now)) return `${run.runId} has consumed another end of ${gid}`;
      }
    }
    return undefined;
  }
}
