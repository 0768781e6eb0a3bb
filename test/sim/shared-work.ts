import type { Canvas, Dedupe, Dependency, Signature, SignatureOptions } from "../../functions/core/canvas/canvas.ts";
import type { JsonObject } from "../../functions/core/json.ts";
import { type Random, seededRandom } from "./random.ts";
import { sharedTask } from "./releases.ts";
import { MAX_ATTEMPTS, TASKS } from "./workload.ts";
import type { Script } from "./script.ts";

/** Different tasks that are shared in one simulation. Few, so that most are asked for several times. */
export const KINDS = 4;

/** Shared runs that a script depends on. */
export interface Needs {
  readonly kinds: readonly number[];
  readonly scope?: string;
  /** The signature declares them. Otherwise the script asks for them, one after the other or together. */
  readonly declared?: true;
  readonly together?: true;
  /** Goes on without a broken one. */
  readonly catches?: true;
}
export const needName = (kind: number): string => `need${kind}`;

/**
 * Tasks that jobs share. In a quarter of the seeds some tasks of the workload are taken from here. The choices are
 * random numbers of their own, so that the other seeds stay as they are.
 */
export class SharedWork {
  readonly #random: Random;
  readonly #active: boolean;
  /** In an eighth of the seeds shared runs depend on each other, also in cycles, and through groups that they spawn. */
  readonly #depends: boolean;
  readonly #acrossJobs: boolean;
  readonly #scripts = new Map<number, Script>();
  #jobs = 0;
  /** The task for which most members of the present job ask. Then several pages wait for its end. */
  #crowd: number | undefined;

  /** Their tasks have versions, and most of them have a value that tells which one made it. */
  readonly #versioned: boolean;

  /** Without a sweeper only runs of one job share: the cancel of another may leave a message unsent. */
  constructor(seed: number, acrossJobs: boolean, versioned: boolean, tiered = false) {
    this.#versioned = versioned;
    this.#random = seededRandom(seed + 11_000_027);
    this.#depends = seed % 8 === 5 || versioned;
    this.#active = seed % 4 === 3 || this.#depends || tiered;
    this.#acrossJobs = acrossJobs;
    if (this.#depends) for (let kind = 0; kind < KINDS; kind++) this.#scripts.set(kind, this.#script(kind));
  }
  /** Returns what a task of a job depends on, now and then. */
  needs(): Pick<Script, "needs"> | undefined {
    if (!this.#depends || !this.#random.chance(0.2)) return undefined;
    return { needs: this.#needs(this.#random.int(KINDS), this.#scope(), false) };
  }
  /** Returns the shared run of a kind, as scripts ask for it. */
  dependency(kind: number, scope: string | undefined): Dependency {
    const script = this.#scripted(kind, scope);
    const options: SignatureOptions = {
      retry: RETRY,
      ...(scope !== undefined && { scope }),
      ...(script.changes && { dedupe: 20 }),
      ...declares(this, script.needs),
    };
    return { task: this.#task(kind), args: [script.label], kwargs: kwargsOf(script), options };
  }
  /** Whether a script is on a cycle, or reaches one. */
  reachesCycle(script: Script, passed: ReadonlySet<number> = new Set()): boolean {
    const kinds = [...(script.needs?.kinds ?? []), ...kindsBelow(script)];
    return kinds.some(
      (kind) => passed.has(kind) || this.reachesCycle(this.#scripts.get(kind) as Script, new Set([...passed, kind])),
    );
  }
  #scope(): string | undefined {
    return this.#acrossJobs ? undefined : `job ${this.#jobs}`;
  }
  /** Returns the script of a kind, whose dependencies are shared within the scope. */
  #scripted(kind: number, scope: string | undefined): Script {
    let script = this.#scripts.get(kind);
    if (!script) this.#scripts.set(kind, (script = this.#script(kind)));
    const needs = script.needs && scope !== undefined ? { needs: { ...script.needs, scope } } : {};
    const spawn = script.spawn && {
      ...script.spawn,
      children: script.spawn.children.map((each) => scoped(each, scope)),
    };
    return { ...script, ...needs, ...(spawn && { spawn }) };
  }
  #needs(first: number, scope: string | undefined, declared: boolean): Needs {
    const random = this.#random;
    const kinds = new Set([first, ...(random.chance(0.4) ? [random.int(declared ? first + 1 : KINDS)] : [])]);
    return {
      kinds: [...kinds],
      ...(scope !== undefined && { scope }),
      ...(declared && { declared: true as const }),
      ...(random.chance(0.5) && { together: true as const }),
      ...(random.chance(0.5) && { catches: true as const }),
    };
  }
  nextJob(): void {
    this.#jobs++;
    this.#crowd = this.#random.chance(0.4) ? this.#random.int(KINDS) : undefined;
  }
  /** Returns a signature of shared work in place of other work, now and then. */
  instead(): Canvas | undefined {
    const random = this.#random;
    if (!this.#active || !random.chance(this.#crowd === undefined && !this.#versioned ? 0.35 : 0.8)) return undefined;
    const kind = this.#crowd ?? random.int(KINDS);
    const scope = this.#scope();
    const script = this.#scripted(kind, this.#depends ? scope : undefined);
    const dedupe: Dedupe = random.pick(["running", "forever", "forever", 1 + random.int(60)] as const);
    const signature: Signature = {
      kind: "task",
      task: random.chance(0.8) ? this.#task(kind) : TASKS.silent,
      args: [script.label],
      kwargs: kwargsOf(script),
      options: {
        dedupe,
        ...(scope !== undefined && { scope }),
        ...declares(this, script.needs),
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
  /** Returns the script of one level of a graph: it depends on the level below it, and maybe on one further down. */
  #level(kind: number): Script {
    const random = this.#random;
    const kinds = new Set(kind === 0 ? [] : [kind - 1, ...(random.chance(0.3) ? [random.int(kind)] : [])]);
    const children = random.chance(0.2) ? [child(`c${kind}.0`, random)] : undefined;
    const declared = random.chance(0.4) ? { declared: true as const } : {};
    return {
      label: `s${kind}`,
      steps: random.int(6),
      behaviour: random.pick(["succeed", "succeed", "succeed", "succeed", "once", "skip", "broken"] as const),
      ...(random.chance(0.2) && { big: true as const }),
      ...(random.chance(0.6) && { tells: true as const }),
      ...(kinds.size > 0 && { needs: { kinds: [...kinds], catches: true as const, ...declared } }),
      ...(children && { spawn: { children, policy: "settled" as const, value: "own" as const } }),
    };
  }
  #task(kind: number): string {
    return this.#versioned ? sharedTask(kind) : TASKS.plain;
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
    const children: Canvas[] | undefined = random.chance(this.#depends ? 0.6 : 0.35)
      ? Array.from({ length: 1 + random.int(3) }, (_, k) => child(`c${kind}.${k}`, random))
      : undefined;
    // Some of the children depend on other shared runs, and may close a cycle.
    if (children && this.#depends && random.chance(0.6))
      children.push(
        child(`c${kind}.n`, random, {
          needs: this.#needs(random.chance(0.5) ? kind : random.int(KINDS), undefined, false),
        }),
      );
    const declared = kind > 0 && random.chance(0.3);
    const needs =
      this.#depends && random.chance(0.6)
        ? { needs: this.#needs(random.int(declared ? kind : KINDS), undefined, declared) }
        : {};
    if (this.#versioned) return this.#level(kind);
    return {
      ...needs,
      ...(this.#depends && random.chance(0.4) && { changes: true as const }),
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
const RETRY = { maxAttempts: MAX_ATTEMPTS, initialDelaySeconds: 1, jitter: 0 };
const kwargsOf = (script: Script): JsonObject => ({ script: script as unknown as JsonObject });
/** Returns the option that declares dependencies. Declared ones have smaller numbers, so they come to an end. */
function declares(shared: SharedWork, needs: Needs | undefined): Pick<SignatureOptions, "dependsOn"> {
  if (!needs?.declared) return {};
  const dependsOn = needs.kinds.map((kind) => [needName(kind), shared.dependency(kind, needs.scope)] as const);
  return { dependsOn: Object.fromEntries(dependsOn) };
}
const kindsBelow = (script: Script): readonly number[] =>
  (script.spawn?.children ?? []).flatMap((each) => scriptIn(each)?.needs?.kinds ?? []);
const scriptIn = (canvas: Canvas): Script | undefined =>
  canvas.kind === "task" ? (canvas.kwargs["script"] as unknown as Script) : undefined;
function scoped(canvas: Canvas, scope: string | undefined): Canvas {
  const script = scriptIn(canvas);
  if (canvas.kind !== "task" || !script?.needs || scope === undefined) return canvas;
  return { ...canvas, kwargs: kwargsOf({ ...script, needs: { ...script.needs, scope } }) };
}
function child(label: string, random: Random, more: Partial<Script> = {}): Canvas {
  const behaviour = random.chance(0.15) ? ("always" as const) : ("succeed" as const);
  const script: Script = { label, steps: random.int(4), behaviour, counters: { children: 1 }, ...more };
  return { kind: "task", task: TASKS.plain, args: [label], kwargs: kwargsOf(script), options: {}, immutable: false };
}
