import { PortError } from "../../functions/engine/ports.ts";
import type { Random } from "./random.ts";

/**
 * Every wait of a simulated process is a pending call, and only the scheduler resolves calls. It resolves one at a
 * time, in an order that the seed decides. Between two calls all microtasks have run, so a run is a deterministic
 * function of its seed.
 *
 * A picked call has one of these fates:
 * - It is performed.
 * - It is throttled: not applied, tried again by the simulated SDK, and in the end a PortError.
 * - It is applied, but its response is lost. It is tried again, so a write meets its own effect. In the end, or at
 * once, it is a PortError "ambiguous".
 * - Its process dies before or after it.
 *
 * A dead process gets no answers any more. Its promises stay pending and no `finally` runs, as after a real kill.
 */
export interface SimProcess {
  readonly name: string;
  /** Milliseconds that its clock is ahead of true time. */
  readonly skew: number;
  /** Weight with which its calls are picked. A slow process waits long between two calls. */
  readonly weight: number;
  /** Versions of its code. Absent where tasks have none. */
  readonly deployed?: readonly number[];
  alive: boolean;
  frozen: boolean;
  /** It handles a message whose handling fails. */
  poisoned?: boolean;
}
export type CallKind =
  /** Leaves the process, so it may fail, and its response may be lost. */
  | "remote"
  /** Stays inside the process, so it never fails. */
  | "local";
export interface CallSpec<T> {
  readonly kind: CallKind;
  /** Returns the label for traces and reports. It is computed only when one is written. */
  readonly label: () => string;
  /** True time in milliseconds before which the call cannot be picked. */
  readonly readyAt?: number;
  /** Returns whether the call can be picked now. */
  readonly when?: () => boolean;
  perform(): T;
}
interface Pending {
  readonly process: SimProcess;
  readonly spec: CallSpec<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly slowUntil: number;
  tries: number;
}

/** Probabilities per picked call. */
export interface FaultRates {
  readonly throttled: number;
  readonly lostResponse: number;
  /** Share of the lost responses that the caller learns of at once, without another try. */
  readonly toldAmbiguous: number;
  readonly kill: number;
  /** Probability that a call stays pending for long while others continue. */
  readonly slow: number;
}
const MAX_TRIES = 4;
const SLOW_STEPS = 80;

export class Scheduler {
  readonly random: Random;
  readonly stats = new Map<string, number>();
  /** True time in milliseconds. */
  now = 1_000_000;
  steps = 0;
  /** Undefined in the calm, when no call fails any more. */
  faults: FaultRates | undefined;
  trace: ((line: string) => void) | undefined;
  /** Called when a process has died. */
  onDeath: ((process: SimProcess) => void) | undefined;
  #pending: Pending[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  count(name: string, by = 1): void {
    this.stats.set(name, (this.stats.get(name) ?? 0) + by);
  }
  note(line: () => string): void {
    this.trace?.(
      `${String(this.steps).padStart(6)} ${((this.now - 1_000_000) / 1_000).toFixed(2).padStart(8)}s ${line()}`,
    );
  }

  call<T>(process: SimProcess, spec: CallSpec<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!process.alive) return;
      const slow = this.faults !== undefined && this.random.chance(this.faults.slow);
      this.#pending.push({
        process,
        spec,
        resolve: resolve as (value: unknown) => void,
        reject,
        slowUntil: slow ? this.steps + this.random.int(SLOW_STEPS) : 0,
        tries: 0,
      });
    });
  }

  /** Picks one call that can continue and decides its fate. Returns `false` when there is none. */
  async step(): Promise<boolean> {
    const call = this.#pick();
    if (!call) return false;
    this.steps++;
    this.#decide(call);
    await settle();
    return true;
  }
  /** Lets newly started work run until it waits for the scheduler. */
  drain(): Promise<void> {
    return settle();
  }
  /** Returns whether a call can be picked now, or could be after some steps without time passing. */
  busy(): boolean {
    return this.#pending.some((call) => this.#possible(call));
  }
  /** Returns the earliest true time at which a waiting call can be picked. */
  nextReadyAt(): number | undefined {
    let earliest: number | undefined;
    for (const { process, spec } of this.#pending) {
      if (process.frozen || spec.readyAt === undefined || spec.readyAt <= this.now) continue;
      if (earliest === undefined || spec.readyAt < earliest) earliest = spec.readyAt;
    }
    return earliest;
  }
  /** Returns the calls that still wait, for reports about runs that do not end. */
  waiting(): string[] {
    return this.#pending.map(
      ({ process, spec }) => `${process.name}${process.frozen ? " (frozen)" : ""} ${spec.label()}`,
    );
  }

  kill(process: SimProcess): void {
    if (!process.alive) return;
    process.alive = false;
    this.#pending = this.#pending.filter((call) => call.process !== process);
    this.count("kills");
    this.note(() => `${process.name} dies`);
    this.onDeath?.(process);
  }

  #possible({ process, spec }: Pending): boolean {
    return (
      !process.frozen &&
      (spec.readyAt === undefined || spec.readyAt <= this.now) &&
      (spec.when === undefined || spec.when())
    );
  }
  #pick(): Pending | undefined {
    const possible = this.#pending.filter((call) => this.#possible(call));
    const prompt = this.faults ? possible.filter((call) => call.slowUntil <= this.steps) : possible;
    const calls = prompt.length > 0 ? prompt : possible;
    let left = this.random.next() * calls.reduce((sum, call) => sum + call.process.weight, 0);
    for (const call of calls) if ((left -= call.process.weight) < 0) return call;
    return calls.at(-1);
  }

  #decide(call: Pending): void {
    const { process, spec } = call;
    const rates = this.faults;
    if (rates && this.random.chance(rates.kill)) {
      const applied = this.random.chance(0.5);
      if (applied) this.#perform(call);
      this.note(() => `${process.name} ${spec.label()} ${applied ? "applied, then" : "not applied:"}`);
      this.kill(process);
      return;
    }
    if (!rates || spec.kind === "local") {
      const done = this.#perform(call);
      this.#answer(call, done);
      return;
    }
    const dice = this.random.next();
    if (dice < rates.throttled) {
      this.count("throttled");
      this.note(() => `${process.name} ${spec.label()} THROTTLED`);
      this.#again(call, "throttled");
    } else if (dice < rates.throttled + rates.lostResponse) {
      this.count("lostResponses");
      this.#perform(call);
      this.note(() => `${process.name} ${spec.label()} RESPONSE LOST`);
      if (this.random.chance(rates.toldAmbiguous)) this.#refuse(call, "ambiguous");
      else this.#again(call, "ambiguous");
    } else this.#answer(call, this.#perform(call));
  }
  #perform({ process, spec }: Pending): { value: unknown } | { error: Error } {
    try {
      const value = spec.perform();
      this.note(() => `${process.name} ${spec.label()} -> ${shown(value)}`);
      return { value };
    } catch (error) {
      this.note(() => `${process.name} ${spec.label()} -> ${String(error)}`);
      return { error: error as Error };
    }
  }
  #answer(call: Pending, done: { value: unknown } | { error: Error }): void {
    this.#drop(call);
    if ("error" in done) call.reject(done.error);
    else call.resolve(done.value);
  }
  /** Tries the call again a few times, as the simulated SDK does. */
  #again(call: Pending, kind: PortError["kind"]): void {
    if (++call.tries >= MAX_TRIES) this.#refuse(call, kind);
  }
  #refuse(call: Pending, kind: PortError["kind"]): void {
    this.count("portErrors");
    this.#drop(call);
    this.note(() => `${call.process.name} ${call.spec.label()} gets PortError ${kind}`);
    call.reject(new PortError(kind, `simulated: ${call.spec.label()}`));
  }
  #drop(call: Pending): void {
    const at = this.#pending.indexOf(call);
    if (at >= 0) this.#pending.splice(at, 1);
  }
}

/** Runs all microtasks, because a new macrotask starts only after the last of them. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const EVERYWHERE = new Set(["v", "jobId", "ttl", "units"]);
function shown(value: unknown): string {
  if (value === undefined) return "-";
  const text = JSON.stringify(value, (name, inner: unknown) =>
    EVERYWHERE.has(name) ? undefined : inner instanceof Set ? [...(inner as Set<unknown>)] : inner,
  );
  return text.length > 900 ? `${text.slice(0, 900)}…` : text;
}
