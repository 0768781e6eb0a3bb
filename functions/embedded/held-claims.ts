import type { TaskCall, TaskRunner } from "../core/invocation.ts";
import type { AbortReason, Claim, HeartbeatOutcome } from "../engine/contract.ts";

/** Who keeps the leases of what this process holds: the parent over a link, or a keeper in the same process. */
export interface ClaimKeeper {
  held(claim: Claim): void;
  released(claim: Claim): void;
  /** Resolves when the keeper has, or will get whatever happens to this process, everything it was told so far. */
  told(): Promise<void>;
}
interface Held {
  readonly claim: Claim;
  readonly abort: (reason: AbortReason) => void;
  readonly timer: NodeJS.Timeout | undefined;
}
export interface HeldClaimsOptions {
  readonly keeper: ClaimKeeper;
  readonly leaseMs: number;
  readonly heartbeat: (claims: readonly Claim[]) => Promise<readonly HeartbeatOutcome[]>;
}

/** setTimeout counts in 32 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SUSPICION_MS = 2_000;

/**
 * The runs that this process executes. User code starts only once the keeper has been told of its claim: from then on it may block this process for
 * as long as it likes, because another process keeps the lease.
 *
 * Claims that were on their way while user code blocked are the exception: they were written, but nobody was told. After a stall every claim is
 * therefore confirmed by one more heartbeat before its user code starts.
 */
export class HeldClaims {
  readonly #options: HeldClaimsOptions;
  readonly #byToken = new Map<string, Held>();
  readonly #byRun = new Map<string, Held>();
  #lookedAt = 0;
  #suspectUntil = 0;

  constructor(options: HeldClaimsOptions) {
    this.#options = options;
  }
  get size(): number {
    return this.#byToken.size;
  }
  hold(claim: Claim, abort: (reason: AbortReason) => void): { release(): void } {
    this.look(false);
    const remaining = claim.deadline - Date.now();
    const timer = remaining > LONGEST_TIMER_MS ? undefined : setTimeout(abort, Math.max(0, remaining), "deadline");
    const held: Held = { claim, abort, timer };
    this.#byToken.set(claim.token, held);
    this.#byRun.set(claim.runId, held);
    this.#options.keeper.held(claim);
    return { release: () => this.#release(held) };
  }
  /** What the keeper found out. A claim that is not held any more needs no abort. */
  abort(token: string, reason: AbortReason): void {
    this.#byToken.get(token)?.abort(reason);
  }
  /** At the end of a graceful stop. Reads as lost, so nothing is committed for these runs. */
  abortAll(): void {
    for (const held of this.#byToken.values()) held.abort("lost");
  }
  /** Called wherever this process shows that it is not blocked; `idle`: nothing was being executed until now, so silence meant nothing. */
  look(idle: boolean): void {
    const now = performance.now();
    if (!idle && now - this.#lookedAt > this.#options.leaseMs / 3) this.#suspectUntil = now + SUSPICION_MS;
    this.#lookedAt = now;
  }
  /** Runs user code only under a lease that somebody else keeps. */
  guard(runner: TaskRunner): TaskRunner {
    return {
      run: async (call) => {
        await this.#options.keeper.told();
        if (performance.now() < this.#suspectUntil) await this.#confirm(call);
        // A runner starts nothing under a signal that has aborted.
        return runner.run(call);
      },
    };
  }

  async #confirm(call: TaskCall): Promise<void> {
    const held = this.#byRun.get(call.runId);
    if (!held) return;
    const [outcome] = await this.#options.heartbeat([held.claim]).catch(() => []);
    if (outcome !== "kept") held.abort(outcome ?? "lost");
  }
  #release(held: Held): void {
    if (!this.#byToken.delete(held.claim.token)) return;
    if (this.#byRun.get(held.claim.runId) === held) this.#byRun.delete(held.claim.runId);
    clearTimeout(held.timer);
    this.#options.keeper.released(held.claim);
  }
}
