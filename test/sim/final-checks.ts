import { canonicalJson, type Json } from "../../functions/core/json.ts";
import { type Counts, failedRuns } from "../../functions/core/plan/counts.ts";
import { countersIn } from "./item-recount.ts";
import { isIdentity, isShared, ownerOf, parseRunId, runIdOf, scopesOf } from "../../functions/core/plan/run-id.ts";
import { isFailure, isTerminal, type RunStatus } from "../../functions/core/plan/run-state.ts";
import type { ResultEntry } from "../../functions/core/task/invocation.ts";
import type { JobEvent, JobView } from "../../functions/engine/contract.ts";
import { asHeader, type Run } from "../../functions/engine/item-kinds.ts";
import type { Item } from "../../functions/engine/ports.ts";
import type { ClientJob } from "./clients.ts";
import { type Ended, handleOf, isFailed } from "./reference-values.ts";
import { ReportWatch } from "./report-watch.ts";
import { Reference } from "./reference.ts";
import { stepsOfJob } from "./shape.ts";
import { rowOf } from "./row-of.ts";
import type { Simulation } from "./simulation.ts";
import { withoutGroup } from "./values.ts";

/** Checks that must hold once all work has ended. */
export class FinalChecks {
  readonly #sim: Simulation;
  readonly #reports: ReportWatch;

  constructor(simulation: Simulation) {
    this.#sim = simulation;
    this.#reports = new ReportWatch(simulation.world.store, simulation.world.blobs);
  }

  async run(): Promise<void> {
    this.#headers();
    this.#rows();
    this.#retried();
    this.#parts();
    this.#failures();
    this.#reports.check(this.#sim.shape, this.#sim);
    const leftOver = this.#sim.sweeps ? this.#sim.world.executions.leftOver() : undefined;
    if (leftOver !== undefined) this.#sim.bad("execution-left-running", leftOver);
    if (this.#sim.world.queue.messages.length > 0)
      this.#sim.bad("messages-left", JSON.stringify(this.#sim.world.queue.messages.map(({ body }) => body)));
    const stale = this.#sim.oracle.identities.dependencies.stale([...this.#sim.world.store.items()]);
    if (stale !== undefined) this.#sim.bad("stale-end", stale);
    const owed = this.#sim.sweeps ? this.#sim.world.releases.owed(this.#sim.world.store) : undefined;
    if (owed !== undefined) this.#sim.bad("outdated-left", owed);
    const due = this.#sim.sweeps ? this.#sim.world.tiers.owed(this.#sim.world.store) : undefined;
    if (due !== undefined) this.#sim.bad("tier-owed", due);
    const [pause] = this.#sim.pausers.left();
    if (pause !== undefined) this.#sim.bad("pause-left", pause);
    this.#sim.bulk.final();
    for (const job of this.#sim.jobs) if (this.#sim.violations.length === 0) await this.#job(job);
  }

  #dead(gid: string): boolean {
    return scopesOf(gid).some((above) => {
      const header = this.#sim.shape.header(above);
      return !header || header.outcome !== undefined;
    });
  }
  #headers(): void {
    for (const item of this.#sim.world.store.items()) {
      if (item.key.table !== "callbacks" || item.attributes["state"] === undefined) continue;
      const header = asHeader(item);
      if (!header || header.state === "closed" || isIdentity(header.gid)) continue;
      const owner = ownerOf(header.gid);
      const above = owner === undefined ? undefined : parseRunId(owner)?.gid;
      // Without a sweeper, no process has to close groups below a decided group.
      if (!this.#sim.sweeps && above !== undefined && this.#dead(above)) continue;
      return this.#sim.bad(
        "stuck-group",
        `${header.gid}: ${header.outcome ?? "undecided"}, ${header.memberCount ?? "unsealed"}`,
      );
    }
  }
  #rows(): void {
    for (const item of this.#sim.world.store.items()) {
      if (item.key.table !== "tasks" || !item.key.partition.startsWith("G#")) continue;
      const status = item.attributes["status"] as RunStatus;
      if (isTerminal(status)) continue;
      const gid = item.key.partition.slice(2, item.key.partition.lastIndexOf("#"));
      // Without a job that waits for it, an identity may rest.
      if (isIdentity(gid)) continue;
      if (!this.#dead(gid))
        return this.#sim.bad("row-never-finished", `${item.key.partition} ${item.key.sort} ${status}`);
      // A group that the row's round has not opened again holds nothing that could end the row.
      const joined = this.#sim.shape.header(item.attributes["joins"] as string);
      if (status === "waiting" && this.#sim.sweeps && joined?.round === item.attributes["round"]) {
        return this.#sim.bad("waiting-row-never-ended", `${item.key.partition} ${item.key.sort}`);
      }
    }
  }

  /** A failure that counts was met in the last round of its job, or that round does not take it. */
  #retried(): void {
    const { shape } = this.#sim;
    for (const item of this.#sim.world.store.items()) {
      if (item.key.table !== "tasks" || !item.key.partition.startsWith("G#")) continue;
      const run = rowOf(item, shape.width);
      const counted = run && shape.row(run);
      if (!counted || isShared(counted.gid) || !isFailure(counted.status) || !this.#joined(item.key.partition))
        continue;
      // A loop that came to its bound has no failed run.
      if (counted.error?.reason === "repeat_limit") continue;
      const counts = scopesOf(counted.gid).every((gid) => shape.header(gid)?.early !== true);
      const filter = shape.orders.filterOf(counted.jobId, shape.roundOf(counted.jobId));
      if (filter && !shape.orders.selects(counted, filter)) continue;
      if (counts && counted.round < shape.roundOf(counted.jobId))
        return this.#sim.bad("failure-not-retried", `${counted.runId}: round ${counted.round}`);
    }
  }

  /** In a complete group every member has an ended row, or is in exactly one part that can be read. */
  #parts(): void {
    const { shape } = this.#sim;
    for (const item of this.#sim.world.store.items()) {
      const header = item.key.table === "callbacks" && item.key.partition.startsWith("G#") ? asHeader(item) : undefined;
      if (
        !header ||
        shape.trackingOf(header.gid) !== "ledger" ||
        header.early ||
        (header.outcome !== "complete" && header.outcome !== "failed")
      )
        continue;
      for (let index = 0; index < (header.memberCount ?? 0); index++) {
        const { parts } = shape.partsOf(header.gid, index);
        const ended = shape.hasEnded(shape.lastStoredRow(header.gid, index), header.round);
        if (parts.length > 1 || (parts.length === 0 && !ended))
          return this.#sim.bad("member-lost", `${header.gid} member ${index}: ${parts.length} parts`);
        if (parts.some(({ blob }) => blob !== undefined && !shape.partValues(blob)))
          return this.#sim.bad("part-lost", `${header.gid} member ${index}`);
        if (parts.length > 0) this.#sim.scheduler.count("withoutRow");
      }
    }
  }

  /** Every failed run of a task is in the list of failures, unless its group decided before it had ended. */
  #failures(): void {
    const { store } = this.#sim.world;
    const width = this.#sim.settings.config.width as number;
    const items = [...store.items()];
    const listed = new Set(items.map(({ key, attributes }) => key.partition.startsWith("FX#") && attributes["runId"]));
    for (const { key, attributes } of items) {
      const { status, task } = attributes;
      if (!key.partition.startsWith("G#") || task === undefined || (status !== "error" && status !== "broken"))
        continue;
      const leafAt = key.partition.lastIndexOf("#");
      const gid = key.partition.slice(2, leafAt);
      // The runs that take over its failure are listed.
      if (isIdentity(gid)) continue;
      const [, local, step] = key.sort.split("#");
      const runId = runIdOf(gid, Number(key.partition.slice(leafAt + 1)) * width + Number(local), Number(step));
      const whole = scopesOf(gid).every((above) => this.#sim.shape.header(above)?.early !== true);
      if (whole && this.#joined(key.partition) && !listed.has(runId)) return this.#sim.bad("failure-unlisted", runId);
    }
  }

  async #job(job: ClientJob): Promise<void> {
    const { jobId } = job;
    const root = jobId === undefined ? undefined : this.#sim.shape.header(jobId);
    if (jobId === undefined || !root?.outcome) return this.#sim.bad("job-never-started", job.name);
    if (job.cancelledIn === root.round && root.outcome !== "cancelled")
      return this.#sim.bad("cancel-lost", `${job.name} is ${root.outcome}`);
    const view = await this.#sim.drive((engine) => engine.job(jobId));
    if (!view) return this.#sim.bad("job-unknown", job.name);
    await this.#listed(job, view);
    if (root.outcome === "cancelled" || root.outcome === "timeout") {
      const wanted = root.outcome === "cancelled" ? "cancelled" : "timed-out";
      if (view.state !== wanted) this.#sim.bad("wrong-job-state", `${job.name} is ${view.state}, must be ${wanted}`);
      return;
    }
    const reference = new Reference(
      this.#sim.shape,
      this.#sim.journal,
      (runId) => this.#mayBeKilled(runId),
      { value: (run) => this.#load(run), reported: (run) => this.#reports.reported(run) },
      this.#sim,
    );
    const ended = reference.strand(jobId, 0, stepsOfJob(job.spec), undefined);
    if (this.#sim.violations.length > 0) return;
    if (ended.status === "cut") return this.#sim.bad("ended-without-reason", `${job.name} is ${root.outcome}`);
    this.#state(job, view, ended);
    await this.#results(jobId, ended);
    await this.#lists(jobId);
  }
  /** A job is in the list of its end and of no other, once, and its events tell its start and its end. */
  async #listed({ name, jobId }: ClientJob, { state }: JobView): Promise<void> {
    for (const each of [undefined, "started", "success", "failure", "cancelled", "timed-out"] as const) {
      const page = await this.#sim.drive((engine) => engine.jobs(each === undefined ? {} : { state: each }));
      const times = page?.items.filter((view) => view.jobId === jobId).length;
      if (times !== (each === undefined || each === state ? 1 : 0))
        return this.#sim.bad("job-unlisted", `${name} is ${state}, and ${times} times in the list ${each ?? "all"}`);
    }
    const events = await this.#sim.drive(async (engine) => {
      const all: JobEvent[] = [];
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page = await engine.events(jobId as string, { limit: 3, ...(cursor !== undefined && { cursor }) });
        all.push(...page.items);
        cursor = page.cursor;
      }
      return all;
    });
    const states = (events ?? []).flatMap((event) => (event.kind === "state" ? [event.state] : []));
    // The clocks of the processes that began and ended the job may differ.
    if (!states.includes("started") || !states.includes(state))
      this.#sim.bad("wrong-events", `${name} is ${state}, its events say ${states.join(", ")}`);
  }
  #mayBeKilled(runId: string): boolean {
    const { leases, settings } = this.#sim;
    const { killEvidence, maxKillsAlone } = settings.config;
    return (killEvidence === "supervisor" ? leases.witnessed(runId) : leases.lapsed(runId)) >= (maxKillsAlone ?? 3);
  }
  #state(job: ClientJob, view: JobView, ended: Ended): void {
    const failed = isFailed(ended) || (ended.counts ? failuresIn(ended.counts) > 0 : view.state === "failure");
    const wanted = failed ? "failure" : "success";
    if (view.state !== wanted)
      return this.#sim.bad("wrong-job-state", `${job.name} is ${view.state}, must be ${wanted}`);
    const seen = present({ ...view.counts, ...countersIn(view.items ?? {}) });
    if (ended.counts && canonicalJson(seen) !== canonicalJson(present(ended.counts))) {
      return this.#sim.bad(
        "wrong-job-counts",
        `${job.name} has ${JSON.stringify(seen)}, must have ${JSON.stringify(ended.counts)}`,
      );
    }
    if (ended.status !== "cut" && isFailure(ended.status) && !view.error) this.#sim.bad("job-without-error", job.name);
    if (ended.value?.kind === "json" && canonicalJson(view.value ?? null) !== canonicalJson(ended.value.json)) {
      this.#sim.bad(
        "wrong-job-value",
        `${job.name} has ${JSON.stringify(view.value)}, must have ${JSON.stringify(ended.value.json)}`,
      );
    }
  }
  async #results(jobId: string, ended: Ended): Promise<void> {
    const { value } = ended;
    if (!value) return;
    const found = await this.#sim.drive(async (engine) => {
      const entries: ResultEntry[] = [];
      for await (const entry of engine.results(jobId)) entries.push(entry);
      for (const entry of entries) this.#sim.oracle.saw(entry);
      return entries;
    });
    if (value.kind === "unknown") return;
    const wanted =
      value.kind === "group" ? value.all.map((entry) => (isFailed(entry) ? FAILED : entryJson(entry))) : [value.json];
    const unknown =
      value.kind === "group" ? value.all.map((entry) => !isFailed(entry) && entry.value?.kind === "unknown") : [];
    const got = (found ?? []).map((entry, k) => {
      if (!["success", "skipped"].includes(entry.status)) return FAILED;
      return unknown[k] ? null : withoutGroup(entry.value ?? null);
    });
    if (canonicalJson(got) !== canonicalJson(wanted))
      this.#sim.bad(
        "wrong-results",
        `${jobId}: ${JSON.stringify(got).slice(0, 300)}, must be ${JSON.stringify(wanted).slice(0, 300)}`,
      );
    if ((found ?? []).some((entry, index) => entry.index !== index)) this.#sim.bad("results-unordered", jobId);
  }
  /**
   * Checks that the list of a job's runs holds every row exactly once. Rows that a failed attempt streamed do not
   * count, nor do pages that an owner added after its group had been cut off.
   */
  async #lists(jobId: string): Promise<void> {
    const found = await this.#sim.drive(async (engine) => {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await engine.runs(jobId, { limit: 3, ...(cursor === undefined ? {} : { cursor }) });
        ids.push(...page.items.map((run) => run.runId));
        cursor = page.cursor;
      } while (cursor !== undefined);
      await engine.graph(jobId);
      await engine.events(jobId, {});
      return ids;
    });
    const rows = [...this.#sim.world.store.items()].filter(
      (item) =>
        item.key.table === "tasks" &&
        item.attributes["jobId"] === jobId &&
        this.#joined(item.key.partition) &&
        this.#counts(item),
    ).length;
    if (found && (new Set(found).size !== found.length || found.length < rows))
      this.#sim.bad("runs-list-wrong", `${jobId}: ${found.length} listed, ${rows} rows`);
  }
  /** Whether the row is one of its group's members, and no step before it was taken up again in a later round. */
  #counts(item: Item): boolean {
    const { shape } = this.#sim;
    const run = rowOf(item, shape.width);
    return (
      run !== undefined && run.index < (shape.header(run.gid)?.memberCount ?? Infinity) && shape.row(run) !== undefined
    );
  }
  #joined(partition: string): boolean {
    if (!partition.startsWith("G#")) return false;
    return scopesOf(partition.slice(2, partition.lastIndexOf("#"))).every((gid) => {
      const owner = ownerOf(gid);
      return owner === undefined || this.#sim.shape.rowOf(owner)?.joins === gid;
    });
  }
  #load(run: Run): Json {
    const ref = run.valueRef;
    if (ref === undefined) return run.value ?? null;
    const blob = this.#sim.world.blobs.get(ref);
    if (!blob) this.#sim.bad("value-lost", run.runId);
    return blob ? (JSON.parse(new TextDecoder().decode(blob)) as Json) : null;
  }
}

const FAILED: Json = { failed: true };
function entryJson({ value }: Ended): Json {
  if (!value) return null;
  if (value.kind === "unknown") return null;
  return value.kind === "group" ? handleOf(value.entries) : value.json;
}
/** Returns the counters that are not 0, and that people see. */
function present(counts: Counts): Json {
  const unseen = ["failedMembers", "h_reports"];
  return Object.fromEntries(Object.entries(counts).filter(([name, count]) => count !== 0 && !unseen.includes(name)));
}
/** Runs and items that failed: either makes a job a failure. */
function failuresIn(counts: Counts): number {
  return failedRuns(counts) + (counts["i_failures"] ?? 0);
}
