import type { Abort, Hold, HeldRuns, WorkerLoop } from "../../engine/worker-loop.ts";

/** The loop of one process, with a slot for everybody. It keeps no leases, and aborts runs at their deadline. */
export class TestLoop implements WorkerLoop {
  readonly #held = new Map<string, { readonly deadline: number; readonly abort: Abort }>();

  takeSlot(): Promise<{ release(): void }> {
    return Promise.resolve(SLOT);
  }
  tryTakeSlot(): { release(): void } {
    return SLOT;
  }
  hold({ token, deadline }: HeldRuns, abort: Abort): Hold {
    this.#held.set(token, { deadline, abort });
    return { ready: undefined, narrow: () => undefined, release: () => void this.#held.delete(token) };
  }
  /** Returns when the next run that is held must end. */
  nextDeadline(): number | undefined {
    return this.#held.size === 0 ? undefined : Math.min(...[...this.#held.values()].map(({ deadline }) => deadline));
  }
  /** Aborts the runs whose deadline has come. */
  abortDue(now: number): void {
    for (const { deadline, abort } of this.#held.values()) if (deadline <= now) abort("deadline");
  }
}
const SLOT = { release: (): void => undefined };
