import type { Canvas, Dedupe, Signature } from "../../functions/core/canvas/canvas.ts";
import type { JsonObject } from "../../functions/core/json.ts";
import { type Random, seededRandom } from "./random.ts";
import { MAX_ATTEMPTS, type Script, TASKS } from "./workload.ts";

/** Different tasks that are shared in one simulation. Few, so that most are asked for several times. */
const KINDS = 4;

/**
 * Tasks that jobs share. In a quarter of the seeds some tasks of the workload are taken from here. The choices are
 * random numbers of their own, so that the other seeds stay as they are.
 */
export class SharedWork {
  readonly #random: Random;
  readonly #active: boolean;
  readonly #acrossJobs: boolean;
  readonly #scripts = new Map<number, Script>();
  #jobs = 0;
  /** The task for which most members of the present job ask. Then several pages wait for its end. */
  #crowd: number | undefined;

  /** Without a sweeper only runs of one job share: the cancel of another may leave a message unsent. */
  constructor(seed: number, acrossJobs: boolean) {
    this.#random = seededRandom(seed + 11_000_027);
    this.#active = seed % 4 === 3;
    this.#acrossJobs = acrossJobs;
  }
  nextJob(): void {
    this.#jobs++;
    this.#crowd = this.#random.chance(0.4) ? this.#random.int(KINDS) : undefined;
  }
  /** Returns a signature of shared work in place of other work, now and then. */
  instead(): Canvas | undefined {
    const random = this.#random;
    if (!this.#active || !random.chance(this.#crowd === undefined ? 0.35 : 0.8)) return undefined;
    const kind = this.#crowd ?? random.int(KINDS);
    let script = this.#scripts.get(kind);
    if (!script) this.#scripts.set(kind, (script = this.#script(kind)));
    const scope = this.#acrossJobs ? undefined : `job ${this.#jobs}`;
    const dedupe: Dedupe = random.pick(["running", "forever", "forever", 1 + random.int(60)] as const);
    const signature: Signature = {
      kind: "task",
      task: random.chance(0.8) ? TASKS.plain : TASKS.silent,
      args: [script.label],
      kwargs: { script: script as unknown as JsonObject },
      options: {
        dedupe,
        ...(scope !== undefined && { scope }),
        retry: { maxAttempts: MAX_ATTEMPTS, initialDelaySeconds: random.int(4), jitter: 0 },
        ...(random.chance(0.08) && { countdown: 1 + random.int(15) }),
        ...(random.chance(0.1) && { ignoreResult: true }),
        ...(random.chance(0.1) && { timeout: 4 + random.int(30) }),
      },
      // Most keys do not depend on what came before.
      immutable: this.#crowd !== undefined || random.chance(0.8),
    };
    return signature;
  }
  #script(kind: number): Script {
    const random = this.#random;
    const behaviour = random.pick([
      "succeed",
      "succeed",
      "succeed",
      "once",
      "retry",
      "always",
      "skip",
      "broken",
    ] as const);
    const children = random.chance(0.35)
      ? Array.from({ length: 1 + random.int(3) }, (_, k) => child(`c${kind}.${k}`, random))
      : undefined;
    return {
      label: `s${kind}`,
      steps: random.int(8),
      behaviour,
      ...(random.chance(0.6) && { heals: 1 + random.int(2) }),
      ...(random.chance(0.4) && { counters: { files: 1 + random.int(3) } }),
      ...(random.chance(0.1) && { big: true as const }),
      ...(kind % 2 === 0 && { items: { processed: 3, failures: kind % 4 === 0 ? 1 : 0 } }),
      ...(children && { spawn: { children, policy: "settled" as const, value: "own" as const } }),
    };
  }
}
function child(label: string, random: Random): Canvas {
  const behaviour = random.chance(0.15) ? ("always" as const) : ("succeed" as const);
  const script: Script = { label, steps: random.int(4), behaviour, counters: { children: 1 } };
  const kwargs = { script: script as unknown as JsonObject };
  return { kind: "task", task: TASKS.plain, args: [label], kwargs, options: {}, immutable: false };
}
