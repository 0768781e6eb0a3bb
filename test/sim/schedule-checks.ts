import { elementsOf, ONLY, type ScheduleSpec } from "../../functions/core/schedule/schedule.ts";
import { asHeader, type Header } from "../../functions/engine/item-kinds.ts";
import type { Schedule } from "../../functions/engine/items/schedule-items.ts";
import type { Item } from "../../functions/engine/ports.ts";
import type { Complaints } from "./reference.ts";

/** A job that a schedule has started. `at` is the nominal time. */
interface Fired {
  readonly gid: string;
  readonly name: string;
  readonly element: string;
  readonly at: number;
  readonly asked: boolean;
  /** Set when a newer job of the element stood already. */
  readonly late: boolean;
}
/** A schedule as its client knows it. Times are true milliseconds. */
export interface KnownSchedule {
  readonly name: string;
  readonly spec: ScheduleSpec;
  /** Whether clients edit, pause or trigger it, so that not every time has to fire. */
  readonly changed: boolean;
  /** Times at which it was told to pause, and at which a resume was begun. */
  readonly pauses: { pausedAt: number; resumedAt: number }[];
}

/** Checks what schedules start, from what is written alone. */
export class ScheduleChecks {
  readonly fired: Fired[] = [];
  readonly #known: ReadonlyMap<string, KnownSchedule>;
  readonly #skewMs: number;
  readonly #open: (gid: string) => boolean;
  readonly #complaints: Complaints;

  constructor(
    known: ReadonlyMap<string, KnownSchedule>,
    skewMs: number,
    open: (gid: string) => boolean,
    complaints: Complaints,
  ) {
    this.#known = known;
    this.#skewMs = skewMs;
    this.#open = open;
    this.#complaints = complaints;
  }

  /** A root header was put. */
  started(item: Item, now: number): void {
    const { gid, job } = asHeader(item) as Header;
    if (!job?.schedule) return;
    const { name, at, element = ONLY } = job.schedule;
    const known = this.#known.get(name) as KnownSchedule;
    const others = this.fired.filter((each) => each.name === name && each.element === element);
    const asked = !isTime(known.spec, at);
    const fired = { gid, name, element, at, asked, late: others.some((each) => each.at > at) };
    this.#check(known, fired, others, now);
    this.fired.push(fired);
  }
  #check(known: KnownSchedule, fired: Fired, others: readonly Fired[], now: number): void {
    const { name, element, at } = fired;
    const text = `${name} ${element} ${at}`;
    if (others.some((each) => each.at === at && !each.asked)) this.#complaints.bad("fired-twice", text);
    if (fired.asked && !known.changed) this.#complaints.bad("fired-off-time", text);
    if (now < at - this.#skewMs) this.#complaints.bad("fired-early", `${text} at ${now}`);
    const paused = known.pauses.some(
      ({ pausedAt, resumedAt }) => at > pausedAt + this.#skewMs && at < resumedAt - this.#skewMs,
    );
    if (paused && !fired.asked) this.#complaints.bad("fired-in-a-pause", text);
    const { overlap = "skip" } = known.spec;
    if (overlap === "allow" || known.changed || fired.late) return;
    const running = others.find((each) => !each.late && this.#open(each.gid));
    if (running) this.#complaints.bad("overlapped", `${text} beside ${running.at}`);
  }

  /** All has ended: every schedule has come to its end, and no time was lost. */
  ended(stored: readonly Schedule[]): void {
    for (const { name, spec, changed } of this.#known.values()) {
      const item = stored.find((each) => each.name === name);
      // A client that came too late was told that no time is left.
      if (!item && !this.fired.some((each) => each.name === name)) continue;
      if (!item) return this.#complaints.bad("schedule-lost", name);
      if (item.queued || item.next !== undefined || item.due !== undefined)
        return this.#complaints.bad("schedule-never-ended", `${name}: ${JSON.stringify({ ...item, spec: undefined })}`);
      if (changed) continue;
      const times = timesOf(spec).filter((at) => at > item.createdAt);
      for (const element of elementsOf(spec, [])) this.#lost(name, spec, element, times);
      const fired = this.fired.filter((each) => each.name === name).length;
      const all = times.length * elementsOf(spec, []).length;
      if (spec.overlap === "skip" && spec.catchUp === "all" && fired + (item.skipped ?? 0) < all)
        this.#complaints.bad("time-lost", `${name}: ${fired} fired, ${item.skipped ?? 0} skipped, of ${all}`);
    }
  }
  #lost(name: string, spec: ScheduleSpec, element: string, times: readonly number[]): void {
    const has = (at: number | undefined): boolean =>
      at === undefined || this.fired.some((each) => each.name === name && each.element === element && each.at === at);
    const each = spec.catchUp === "all" && spec.overlap !== "skip" && spec.overlap !== "queue";
    const owed = each ? times : spec.catchUp === "all" && spec.overlap === "queue" ? times.slice(-1) : [];
    for (const at of owed) if (!has(at)) this.#complaints.bad("time-lost", `${name} ${element} ${at}`);
    if (spec.catchUp !== "none" && times.length > 0 && !times.some(has))
      this.#complaints.bad("time-lost", `${name} ${element}: nothing has fired`);
  }
}

/** Times of the simulation begin at one million milliseconds. After this one no schedule fires. */
const LAST = 1_000_000 + 70_000;
/** The calendar of the simulation: multiples of an interval, up to an end. */
export function nextSimTime({ when }: Pick<ScheduleSpec, "when">, after: number): number | undefined {
  const every = ("everySeconds" in when ? when.everySeconds : 1) * 1_000;
  const next = (Math.floor(after / every) + 1) * every;
  return next <= LAST ? next : undefined;
}
const isTime = ({ when }: ScheduleSpec, at: number): boolean =>
  at <= LAST && "everySeconds" in when && at % (when.everySeconds * 1_000) === 0;
function timesOf(spec: ScheduleSpec): number[] {
  const times: number[] = [];
  for (let at = nextSimTime(spec, 0); at !== undefined; at = nextSimTime(spec, at)) if (at >= 1_000_000) times.push(at);
  return times;
}
