import type { JsonObject } from "../../core/json.ts";
import { type Band, bandsInTurn } from "../../core/plan/priority-band.ts";
import type { Context } from "../context.ts";
import { type BacklogEntry, jobOrderOfEntry, nextEntry } from "../items/backlog-items.ts";

/** Takes of a band of which one is from the oldest end, so that no job waits for ever behind newer ones. */
const OLDEST_EVERY = 4;

/** Where the turns of one band are. */
interface BandTurns {
  readonly takes: number;
  /** The newest job that was served. A job that is newer has come since, and is next. */
  readonly newest?: string;
  /** The job that was served last in its turn. The next older one follows, and the newest after the oldest. */
  readonly last?: string;
}
type Served = { readonly entry: BacklogEntry; readonly after: BandTurns };

/**
 * The order in which a dispatcher takes from a backlog. The highest band comes first, and every eighth take serves the
 * lowest one that waits. In a band the jobs take turns from the newest to the oldest. A job that has come since the last
 * take is next, and every fourth take serves the oldest job.
 */
export class BacklogTurns {
  readonly #context: Context;
  readonly #queue: string;
  #takes: number;
  readonly #bands = new Map<Band, BandTurns>();
  /** Jobs that a pause holds, of which nothing is taken in this pass. */
  readonly #held = new Set<string>();
  /** Bands in which something may wait, as far as this pass has seen. */
  readonly #waiting = new Set<Band>();

  constructor(context: Context, queue: string, stored: JsonObject = {}) {
    this.#context = context;
    this.#queue = queue;
    const { takes, bands } = stored as { takes?: number; bands?: { readonly [band: string]: BandTurns } };
    this.#takes = takes ?? 0;
    for (const [band, turns] of Object.entries(bands ?? {})) this.#bands.set(Number(band) as Band, turns);
  }
  /** What the next dispatcher of the queue needs. */
  get stored(): JsonObject {
    const bands = Object.fromEntries([...this.#bands].map(([band, turns]) => [String(band), { ...turns }]));
    return { takes: this.#takes, bands };
  }
  /** Begins a pass. Returns whether anything waits. */
  async begin(): Promise<boolean> {
    this.#held.clear();
    this.#waiting.clear();
    for (const band of bandsInTurn(0))
      if (await nextEntry(this.#context, { queue: this.#queue, band }, { from: "newest" })) this.#waiting.add(band);
    return this.#waiting.size > 0;
  }
  /** Returns the entry whose turn it is; undefined when nothing waits that may be admitted. `take` ends the turn. */
  async next(): Promise<{ readonly entry: BacklogEntry; readonly take: () => void } | undefined> {
    for (const band of bandsInTurn(this.#takes)) {
      const served = this.#waiting.has(band) ? await this.#nextOf(band) : undefined;
      if (!served) this.#waiting.delete(band);
      else
        return {
          entry: served.entry,
          take: () => {
            // Only takes in which a band had to wait count. So the first take is always one of the highest band.
            this.#takes = this.#waiting.size > 1 ? this.#takes + 1 : 0;
            this.#bands.set(band, served.after);
          },
        };
    }
    return undefined;
  }
  /** Returns whether something may wait in a band. */
  waits(band: Band): boolean {
    return this.#waiting.has(band);
  }
  /** Whether jobs were left out in this pass. */
  get holds(): boolean {
    return this.#held.size > 0;
  }
  /** Leaves the job of an entry out for the rest of this pass, because it is paused. */
  hold(entry: BacklogEntry): void {
    this.#held.add(jobOrderOfEntry(entry));
  }

  async #nextOf(band: Band): Promise<Served | undefined> {
    const turns = this.#bands.get(band) ?? { takes: 0 };
    const takes = turns.takes + 1;
    if (takes % OLDEST_EVERY === 0) {
      const oldest = await this.#look(band, "oldest");
      return oldest && { entry: oldest, after: { ...turns, takes } };
    }
    const newest = await this.#look(band, "newest");
    if (!newest) return undefined;
    const first = jobOrderOfEntry(newest);
    if (turns.newest === undefined || first > turns.newest)
      return { entry: newest, after: { ...turns, takes, newest: first, last: turns.last ?? first } };
    const following = turns.last === undefined ? undefined : await this.#look(band, "newest", turns.last);
    const entry = following ?? newest;
    return { entry, after: { ...turns, takes, last: jobOrderOfEntry(entry) } };
  }
  /** Returns the first entry in this direction whose job is not paused. */
  async #look(band: Band, from: "newest" | "oldest", after?: string): Promise<BacklogEntry | undefined> {
    let past = after;
    for (;;) {
      const place = { queue: this.#queue, band };
      const entry = await nextEntry(this.#context, place, { from, ...(past !== undefined && { after: past }) });
      if (!entry) return undefined;
      past = jobOrderOfEntry(entry);
      if (!this.#held.has(past)) return entry;
    }
  }
}
