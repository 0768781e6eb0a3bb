import { createHash } from "node:crypto";
import { isTerminal } from "../../functions/core/plan/run-state.ts";
import type { Context } from "../../functions/engine/context.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import { type Edge, outcomeOf } from "../../functions/engine/items/edge-items.ts";
import type { Complaints } from "./reference.ts";
import { kindOfTask } from "./releases.ts";
import type { SimProcess } from "./scheduler.ts";
import type { Watched } from "./sim-ports.ts";

const IDS = { ids: { hash: (text: string) => createHash("sha256").update(text).digest("hex") } } as Context;
type Versions = ReadonlyMap<string, number>;
/** What is known of the present round of a shared run. */
interface Round {
  readonly round: number;
  /** The highest version of its own task that the round was begun or claimed with. */
  version: number;
  readonly needs: Run["needs"];
  /** The outdated task upstream because of which it was begun, and what the end before has consumed. */
  readonly upstream?: readonly Edge[];
  /** An input may have changed, or somebody may not take the end before, so its code may run. */
  mayRun: boolean;
}

/**
 * Watches versions. It keeps for each end the versions that it was made with, upstream included, by what has run, and
 * not by what the engine has stored. No process runs what was begun for a higher version than it has, and none takes an
 * end that is outdated for it. A round begins because of a version only where that was raised. Because of one upstream,
 * code runs only where what it has consumed has changed.
 */
export class VersionWatch {
  readonly #world: Watched;
  readonly #edges: { edgesOf(run: Run): readonly Edge[] };
  readonly #complaints: Complaints;
  readonly #rounds = new Map<string, Round>();
  /** Versions that ends were made with, by identity and round. Absent where that is not known for sure. */
  readonly #made = new Map<string, Versions>();

  constructor(world: Watched, edges: { edgesOf(run: Run): readonly Edge[] }, complaints: Complaints) {
    this.#world = world;
    this.#edges = edges;
    this.#complaints = complaints;
  }
  /** Handles a write on an identity. */
  write(process: SimProcess, before: Run | undefined, after: Run): void {
    if (!process.deployed) return;
    if (!before || after.round > before.round) this.#begun(before, after);
    const round = this.#rounds.get(after.gid);
    if (!round || round.round !== after.round) return;
    // Somebody may not take the end before.
    if (before?.kept && !after.kept && after.status === before.status) round.mayRun = true;
    if (after.status === "started" && before?.status !== "started") this.#claimed(process, after, round);
    if (isTerminal(after.status) && !(before && isTerminal(before.status) && before.round === after.round))
      this.#ended(process, before, after, round);
    if (isTerminal(after.status)) this.#moved(after);
  }
  #begun(before: Run | undefined, after: Run): void {
    const { gid, round, version = 0, needs, why } = after;
    const upstream =
      before && why?.of === "version" && why.task !== after.task ? this.#edges.edgesOf(before) : undefined;
    this.#rounds.set(gid, { round, version, needs, ...(upstream && { upstream }), mayRun: !upstream });
    if (upstream) for (const edge of upstream) this.#look(gid, edge);
    if (why?.of === "version") this.#world.scheduler.count("outdated");
    if (!before || why?.of !== "version") return;
    if (why.from >= why.to) this.#complaints.bad("version-not-raised", `${after.runId}: ${JSON.stringify(why)}`);
    const made = this.#made.get(`${gid} ${before.round}`);
    if (made && made.get(why.task) !== why.from)
      this.#complaints.bad("begun-for-no-version", `${after.runId}: ${JSON.stringify(why)}, made with ${text(made)}`);
  }
  #claimed(process: SimProcess, after: Run, round: Round): void {
    const has = versionOf(process, after.task);
    if (has < round.version)
      this.#complaints.bad("claimed-by-older-code", `${after.runId}: ${round.version}, ${process.name} has ${has}`);
    round.version = Math.max(round.version, has);
    for (const [task, wanted] of Object.entries(round.needs ?? {}))
      if (!round.mayRun && versionOf(process, task) < wanted)
        this.#complaints.bad("verified-by-older-code", `${after.runId}: ${task} ${wanted}`);
    if (!round.mayRun)
      this.#complaints.bad("ran-unchanged", `${after.runId} round ${after.round}: what it consumed is as it was`);
    // Later claims of the round are further attempts.
    round.mayRun = true;
    this.#world.scheduler.count("versionedRuns");
  }
  #ended(process: SimProcess, before: Run | undefined, after: Run, round: Round): void {
    const key = `${after.gid} ${after.round}`;
    if (after.verified) {
      this.#world.scheduler.count("verified");
      const { madeIn } = this.#world.shape;
      madeIn.set(key, madeIn.get(`${after.gid} ${after.round - 1}`) ?? after.round - 1);
      // After the grace the end holds, whatever it was made with.
      if (before?.unknownSince !== undefined) return;
      for (const [task, wanted] of Object.entries(round.needs ?? {}))
        if (versionOf(process, task) < wanted)
          this.#complaints.bad("verified-by-older-code", `${after.runId}: ${task} ${wanted}`);
    }
    const made = this.#upstream(after);
    const own = after.task;
    if (made && own !== undefined) this.#made.set(key, lower(made, new Map([[own, after.version ?? 0]])));
  }
  /** Returns the versions of all that a run has consumed, as far as that is known. */
  #upstream(run: Run): Versions | undefined {
    let all: Versions = new Map();
    for (const { gid, outcome } of this.#edges.edgesOf(run)) {
      const now = this.#world.shape.row({ gid, index: 0, stepIndex: 0 });
      const made = now && isTerminal(now.status) ? this.#made.get(`${gid} ${now.round}`) : undefined;
      if (!made || !now || outcomeOf(IDS, now) !== outcome) return undefined;
      all = lower(all, made);
    }
    return all;
  }
  /** Notes a change of what rounds that verify an end have consumed. */
  #moved(ended: Run): void {
    for (const round of this.#rounds.values())
      if (
        !round.mayRun &&
        round.upstream?.some(({ gid, outcome }) => gid === ended.gid && outcome !== outcomeOf(IDS, ended))
      )
        round.mayRun = true;
  }
  #look(gid: string, edge: Edge): void {
    const now = this.#world.shape.row({ gid: edge.gid, index: 0, stepIndex: 0 });
    const round = this.#rounds.get(gid) as Round;
    if (!now || (isTerminal(now.status) && outcomeOf(IDS, now) !== edge.outcome)) round.mayRun = true;
  }
  /**
   * Handles a run that has taken an end which was there. One that had subscribed to the round before that ended takes
   * it, whatever it is.
   */
  reused(process: SimProcess, { adopts = "", adoptsRound = 0, runId }: Run): void {
    const made = this.#made.get(`${adopts} ${adoptsRound}`);
    for (const [task, version] of made ?? [])
      if (versionOf(process, task) > version && !this.#hadSubscribed(adopts, adoptsRound, runId))
        this.#complaints.bad("took-an-outdated-end", `${runId}: ${task} ${version}, ${process.name} is newer`);
  }
  #hadSubscribed(gid: string, round: number, runId: string): boolean {
    for (const { key, attributes } of this.#world.store.items())
      if (key.partition.startsWith(`U#${gid}#`) && attributes["runId"] === runId && Number.parseInt(key.sort) === round)
        return true;
    return false;
  }
}
function lower(a: Versions, b: Versions): Versions {
  const all = new Map(a);
  for (const [task, version] of b) all.set(task, Math.min(version, all.get(task) ?? version));
  return all;
}
const versionOf = ({ deployed }: SimProcess, task: string | undefined): number =>
  (task === undefined ? undefined : deployed?.[kindOfTask(task)]) ?? 0;
const text = (versions: Versions): string => JSON.stringify([...versions]);
