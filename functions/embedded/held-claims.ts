import type { Abort, AbortReason, Claim, HeartbeatOutcome, Hold } from "../engine/contract.ts";

/** Who keeps the leases of what this process holds: the parent over a link, or a keeper in the same process. */
export interface ClaimKeeper {
  held(claims: readonly Claim[]): void;
  /** The same list as was held. */
  released(claims: readonly Claim[]): void;
  /** Resolves when the keeper has, or will get whatever happens to this process, everything it was told so far; undefined: it has. */
  told(): Promise<void> | undefined;
}
interface Held {
  readonly claims: readonly Claim[];
  readonly abort: Abort;
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
  readonly #held = new Set<Held>();
  #lookedAt = 0;
  #suspectUntil = 0;

  constructor(options: HeldClaimsOptions) {
    this.#options = options;
  }
  get size(): number {
    let size = 0;
    for (const { claims } of this.#held) size += claims.length;
    return size;
  }
  hold(claims: readonly Claim[], abort: Abort): Hold {
    this.look(false);
    const remaining = (claims[0]?.deadline ?? 0) - Date.now();
    const timer = remaining > LONGEST_TIMER_MS ? undefined : setTimeout(() => abortHeld(held, "deadline"), Math.max(0, remaining));
    const held: Held = { claims, abort, timer };
    this.#held.add(held);
    this.#options.keeper.held(claims);
    return { ready: this.#ready(held), release: () => this.#release(held) };
  }
  /** What the keeper found out. A claim that is not held any more needs no abort. */
  abort(token: string, reason: AbortReason): void {
    for (const { claims, abort } of this.#held) for (const claim of claims) if (claim.token === token) abort(reason, claim);
  }
  /** At the end of a graceful stop. Reads as lost, so nothing is committed for these runs. */
  abortAll(): void {
    for (const held of this.#held) abortHeld(held, "lost");
  }
  /** Called wherever this process shows that it is not blocked; `idle`: nothing was being executed until now, so silence meant nothing. */
  look(idle: boolean): void {
    const now = performance.now();
    if (!idle && now - this.#lookedAt > this.#options.leaseMs / 3) this.#suspectUntil = now + SUSPICION_MS;
    this.#lookedAt = now;
  }

  #ready(held: Held): Promise<void> | undefined {
    const told = this.#options.keeper.told();
    return performance.now() < this.#suspectUntil ? Promise.resolve(told).then(() => this.#confirm(held)) : told;
  }
  async #confirm({ claims, abort }: Held): Promise<void> {
    const outcomes = await this.#options.heartbeat(claims).catch(() => []);
    for (const [k, claim] of claims.entries()) {
      const outcome = outcomes[k] ?? "lost";
      if (outcome !== "kept") abort(outcome, claim);
    }
  }
  #release(held: Held): void {
    if (!this.#held.delete(held)) return;
    clearTimeout(held.timer);
    this.#options.keeper.released(held.claims);
  }
}
function abortHeld({ claims, abort }: Held, reason: AbortReason): void {
  for (const claim of claims) abort(reason, claim);
}
