import type { Json } from "../../functions/core/json.ts";
import type { Engine } from "../../functions/engine/contract.ts";
import { claimsOf } from "../../functions/engine/execute/heartbeat.ts";
import { type Disposition, PortError } from "../../functions/engine/ports.ts";
import type { Claim, WorkerLoop } from "../../functions/engine/worker-loop.ts";
import type { SimProcess } from "./scheduler.ts";
import type { SimWorld } from "./sim-ports.ts";
import type { Message } from "./sim-queue.ts";

interface Hold {
  readonly claim: Claim;
  readonly deadline: number;
  readonly abort: (reason: "lost" | "cancelled" | "deadline") => void;
  readonly message: Message;
}
export interface WorkerReports {
  /** Reports a violation. */
  bad(kind: string, detail: string): void;
  /** Reports that a run is about to start, with or without a claim. */
  held(claim: Claim): void;
  /** Returns whether all runs that a message names have ended. */
  finished(body: unknown): boolean;
}

/**
 * A simulated worker process. It handles several messages at a time, lends slots, and follows the engine's
 * dispositions. It sends heartbeats at times that the scheduler chooses. All its knowledge dies with it.
 */
export class SimWorker {
  readonly process: SimProcess;
  readonly engine: Engine;
  /** The number of messages that it is handling. */
  handling = 0;
  readonly #world: SimWorld;
  readonly #slots: number;
  readonly #handles: "handle" | "handleDeadLetter";
  readonly #reports: WorkerReports;
  readonly #holds = new Set<Hold>();
  readonly #bodies = new Set<Json>();
  #running = 0;
  #alone = false;
  #beating = false;

  /** With `handleDeadLetter` it handles messages that were given up. */
  constructor(
    world: SimWorld,
    process: SimProcess,
    engine: Engine,
    slots: number,
    reports: WorkerReports,
    handle: "handle" | "handleDeadLetter" = "handle",
  ) {
    this.#handles = handle;
    this.#world = world;
    this.process = process;
    this.engine = engine;
    this.#slots = slots;
    this.#reports = reports;
    world.handling.set(process, this.#bodies);
  }

  claims(): Claim[] {
    return [...this.#holds].map((hold) => hold.claim);
  }
  isOverdue(claim: Claim, now: number): boolean {
    return [...this.#holds].some((hold) => hold.claim === claim && hold.deadline <= now);
  }
  hasHolds(): boolean {
    return this.#holds.size > 0;
  }

  /** Starts to handle a received message, and returns at once. */
  deliver(message: Message): void {
    const { scheduler, queue, visibilityMs } = this.#world;
    queue.receive(message, scheduler.now, visibilityMs);
    scheduler.note(
      () => `${this.process.name} receives #${message.id} (${message.receives}) ${JSON.stringify(message.body)}`,
    );
    this.#bodies.add(message.body);
    this.handling++;
    this.#handle({ ...message })
      .catch((error: unknown) => this.#reports.bad("engine-threw", String((error as Error)?.stack ?? error)))
      .finally(() => {
        this.handling--;
        this.#bodies.delete(message.body);
        if (this.handling === 0 && this.#running > 0)
          this.#reports.bad("slot-kept", `${this.process.name} handles nothing, ${this.#running} slots are taken`);
      });
  }

  async #handle(message: Message): Promise<void> {
    const loop = this.#world.faults.loop ?? {};
    if (loop.ackBeforeHandling || (loop.ackGivenUp && this.#handles === "handleDeadLetter"))
      await this.#acknowledge(message);
    if (loop.ackFinished && message.receives > 1 && this.#reports.finished(message.body)) {
      await this.#acknowledge(message);
      return;
    }
    const poisoned = message.poisoned && this.#world.scheduler.faults !== undefined;
    if (poisoned && this.#handles === "handle") return; // its handling throws, and it is visible again after a while
    this.process.poisoned = poisoned;
    let disposition: Disposition;
    try {
      disposition = await this.engine[this.#handles](
        { queue: message.queue, body: message.body, receives: message.receives },
        this.#loopFor(message),
      );
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      if (loop.ackOnError) await this.#acknowledge(message);
      return; // visible again after its visibility
    }
    this.#world.scheduler.note(() => `${this.process.name} #${message.id} -> ${JSON.stringify(disposition)}`);
    if (disposition.kind === "done" || loop.ackOnLater) await this.#acknowledge(message);
    else await this.#visibleIn(message, disposition.delaySeconds * 1_000);
  }

  #loopFor(message: Message): WorkerLoop {
    return {
      takeSlot: async (alone) => {
        const free = (): boolean => (alone ? this.#running === 0 : this.#running < this.#slots && !this.#alone);
        const take = (): void => {
          this.#running++;
          this.#alone = alone;
        };
        await this.#world.scheduler.call(this.process, {
          kind: "local",
          label: () => `slot${alone ? " alone" : ""}`,
          when: free,
          perform: take,
        });
        return {
          release: () => {
            this.#running--;
            if (alone) this.#alone = false;
          },
        };
      },
      tryTakeSlot: () => {
        if (this.#alone || this.#running >= this.#slots || !this.#world.scheduler.random.chance(0.7)) return undefined;
        this.#running++;
        if (this.#world.faults.loop?.ackOnSpareSlot) void this.#acknowledge(message);
        return { release: () => void this.#running-- };
      },
      hold: (runs, abort) => {
        const { deadline } = runs;
        if (this.#world.faults.loop?.ackTogether && this.#world.solos.isTogether(runs.token))
          void this.#acknowledge(message);
        const holds = claimsOf(runs).map((claim): Hold => ({
          claim,
          deadline,
          abort: (reason) => abort(reason, claim.runId),
          message,
        }));
        for (const hold of holds) {
          this.#holds.add(hold);
          this.#reports.held(hold.claim);
        }
        return {
          ready: undefined,
          narrow: ({ members }) => {
            for (const hold of holds) if (!members.includes(hold.claim.index)) this.#holds.delete(hold);
          },
          release: () => {
            for (const hold of holds) this.#holds.delete(hold);
          },
        };
      },
    };
  }

  /**
   * Starts a heartbeat unless one is under way, and returns at once. The heartbeat renews leases and aborts runs past
   * their deadlines.
   */
  beat(): void {
    if (this.#beating || this.#holds.size === 0) return;
    this.#beating = true;
    this.#beat()
      .catch((error: unknown) => {
        if (!(error instanceof PortError))
          this.#reports.bad("heartbeat-threw", String((error as Error)?.stack ?? error));
      })
      .finally(() => (this.#beating = false));
  }
  async #beat(): Promise<void> {
    const now = this.#world.scheduler.now + this.process.skew;
    const holds = [...this.#holds];
    for (const hold of holds) if (hold.deadline <= now) hold.abort("deadline");
    const outcomes = await this.engine.heartbeat(holds.map((hold) => hold.claim));
    for (const [k, outcome] of outcomes.entries()) {
      const hold = holds[k] as Hold;
      if (!this.#holds.has(hold)) continue;
      if (outcome === "kept") await this.#visibleIn(hold.message, this.#world.visibilityMs);
      else {
        this.#world.scheduler.count("aborts");
        hold.abort(outcome);
        if (this.#world.faults.loop?.ackOnLostLease) await this.#acknowledge(hold.message);
      }
    }
  }

  /** Acknowledges a message. A failure is harmless, because the message is only delivered once more. */
  async #acknowledge(message: Message): Promise<void> {
    await this.#queueCall(`ack #${message.id}`, () => this.#world.queue.acknowledge(message.id));
  }
  async #visibleIn(message: Message, milliseconds: number): Promise<void> {
    await this.#queueCall(`visibility #${message.id} +${milliseconds}`, () =>
      this.#world.queue.changeVisibility(message.id, this.#world.scheduler.now + milliseconds),
    );
  }
  async #queueCall(label: string, perform: () => void): Promise<void> {
    try {
      await this.#world.scheduler.call(this.process, { kind: "remote", label: () => label, perform });
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
    }
  }
}
