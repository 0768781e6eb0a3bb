import type { Json } from "../../functions/core/json.ts";
import type { Band } from "../../functions/core/plan/priority-band.ts";
import type { OutgoingMessage } from "../../functions/engine/ports.ts";
import type { SimProcess } from "./scheduler.ts";
import type { AppliedWrite } from "./sim-store.ts";
import type { Simulation } from "./simulation.ts";

interface Holder {
  readonly process: SimProcess;
  readonly since: number;
}
/** Turns of lower bands in a row, while a higher one waits, that nobody takes: one in eight, unless dispatchers die. */
const LOW_IN_A_ROW = 3;

/**
 * Counts what dispatchers admit. The one that holds a queue exceeds its cap by no more than one turn of urgent messages.
 * One that has lost it meanwhile sends no more than the turn that it was in. And a band does not wait for a lower one.
 */
export class BacklogWatch {
  readonly #sim: Simulation;
  readonly #holders = new Map<string, Holder>();
  /** Messages that the holder of their queue has sent, by queue: body by id. A queue may have accepted one twice. */
  readonly #admitted = new Map<string, ReadonlyMap<number, string>>();
  /** Bodies of messages that a process has sent since it lost a queue. */
  readonly #late = new Map<SimProcess, Set<string>>();
  readonly #putAt = new Map<string, number>();
  readonly #low = new Map<string, number>();

  constructor(simulation: Simulation) {
    this.#sim = simulation;
    simulation.world.store.watch((write) => this.#write(write));
    simulation.world.sent = (message, process, handling) => this.#sent(message, process, handling);
  }

  #write({ process, op: { key }, before, after }: AppliedWrite): void {
    const { now } = this.#sim.scheduler;
    if (key.partition === "BD" && after?.attributes["token"] !== before?.attributes["token"]) {
      if (after?.attributes["token"] === undefined) return;
      this.#sim.scheduler.count("dispatchers");
      if (before?.attributes["token"] !== undefined) this.#sim.scheduler.count("dispatchers taken over");
      this.#holders.set(key.sort, { process, since: now });
      this.#late.delete(process);
    }
    if (!key.partition.startsWith("BQ#")) return;
    if (!before && after) this.#sim.scheduler.count("backlog entries");
    if (!after) this.#putAt.delete(key.sort);
    else if (!before) this.#putAt.set(key.sort, now);
  }

  #sent({ queue, band = 1, body }: OutgoingMessage, process: SimProcess, handling: readonly Json[]): void {
    const cap = this.#sim.settings.config.caps?.[queue];
    // A process that handles other messages as well may have sent this one for those, and a next step follows a run.
    const [only, ...others] = handling as { readonly kind?: string }[];
    const isFirstStep = (body as { readonly step?: number }).step === 0;
    if (cap === undefined || others.length > 0 || only?.kind !== "dispatch" || !isFirstStep) return;
    const text = JSON.stringify(body);
    const { messagesPerTurn: turn = 0 } = this.#sim.settings.config;
    const holder = this.#holders.get(queue);
    if (holder?.process !== process) {
      const late = new Set([...(this.#late.get(process) ?? []), text]);
      this.#late.set(process, late);
      this.#sim.scheduler.count("admitted late");
      if (late.size > turn)
        this.#sim.bad("admitted-without-lease", `${process.name} sent ${late.size} messages to ${queue}`);
      return;
    }
    this.#sim.scheduler.count("admitted");
    const { messages } = this.#sim.world.queue;
    const there = new Set(messages.map(({ id }) => id));
    const known = [...(this.#admitted.get(queue) ?? [])].filter(([id]) => there.has(id));
    const admitted = new Map([...known, [messages.at(-1)?.id ?? 0, text] as const]);
    this.#admitted.set(queue, admitted);
    const different = new Set(admitted.values()).size;
    if (different > cap + turn)
      this.#sim.bad("cap-overrun", `${queue}: ${different} admitted messages, its cap is ${cap}`);
    this.#order(queue, band, holder);
  }
  #order(queue: string, band: Band, holder: Holder): void {
    if (this.#sim.world.faults.pauses) return;
    const passed = ([0, 1, 2] as const)
      .flatMap((each) => this.#sim.world.store.peekPartition("tasks", `BQ#${queue}#${each}`))
      .some(
        ({ key, attributes }) =>
          (attributes["band"] as Band) > band && (this.#putAt.get(key.sort) ?? Number.POSITIVE_INFINITY) < holder.since,
      );
    const low = passed ? (this.#low.get(queue) ?? 0) + 1 : 0;
    this.#low.set(queue, low);
    if (passed) this.#sim.scheduler.count("lower band first");
    if (low >= LOW_IN_A_ROW) this.#sim.bad("low-before-high", `${queue}: ${low} messages of lower bands in a row`);
  }
}
