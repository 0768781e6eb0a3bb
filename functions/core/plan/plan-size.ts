import { type ErrorCode, FanfoldError } from "../errors.ts";
import { jsonPointer } from "../json-pointer.ts";
import type { JsonObject } from "../json.ts";
import { LIMITS } from "../limits.ts";
import { isGroupStep, type PlanStep } from "./plan.ts";

/** What a part of a plan adds to it. `runs` is for one repetition of the loops around the part. */
export interface PartSize {
  readonly steps: number;
  readonly characters: number;
  readonly runs: number;
}

/**
 * The size of a plan while it is compiled. A small canvas may mean a huge plan: links are stored beside every step that
 * calls them, options with every signature, and loops multiply. So sizes are added up, and refused at their limits, before
 * anything of that size is built. Canvases that are stored together share one size.
 */
export class PlanSize {
  #steps = 0;
  #characters = 0;
  #runs = 0;
  /** How often the part that is compiled now may run: the product of the loops around it. */
  #times = 1;
  /** Characters of options. All members of a group may share theirs. */
  readonly #options = new Map<object, number>();

  /** Adds a step without what hangs on it. `path` is its place in the canvas. */
  addStep(step: PlanStep, path: readonly (string | number)[]): void {
    this.add({ steps: 1, characters: this.#charactersOf(step), runs: 1 }, path);
  }
  /** Adds a part. Throws `too_many_children` or `payload_too_large`. */
  add({ steps, characters, runs }: PartSize, path: readonly (string | number)[]): void {
    this.#steps += steps;
    this.#characters += characters;
    this.#runs += this.#times * runs;
    const { planSteps, planCharacters, plannedRuns } = LIMITS;
    if (this.#steps > planSteps)
      refuse(
        "too_many_children",
        `the plan has ${shown(this.#steps)} steps or more, at most ${shown(planSteps)} are allowed: links are stored beside every step that calls them`,
        { field: jsonPointer(path), steps: this.#steps, limit: planSteps },
      );
    if (this.#characters > planCharacters)
      refuse(
        "payload_too_large",
        `the plan has ${shown(this.#characters)} characters or more, at most ${shown(planCharacters)} are allowed: arguments, options and links are stored with every step that has them`,
        { field: jsonPointer(path), characters: this.#characters, limit: planCharacters },
      );
    if (this.#runs > plannedRuns)
      refuse(
        "too_many_children",
        `this means ${shown(this.#runs)} runs or more, at most ${shown(plannedRuns)} are allowed: loops multiply what is inside them`,
        { field: jsonPointer(path), runs: this.#runs, limit: plannedRuns },
      );
  }
  /** Compiles the body of a loop, which runs up to `times` times. */
  repeated<T>(times: number, compile: () => T): T {
    const before = this.#times;
    this.#times *= times;
    const compiled = compile();
    this.#times = before;
    return compiled;
  }
  /** Compiles a part that others will share. Returns what each further use of it adds. */
  measured<T>(compile: () => T): readonly [part: T, size: PartSize] {
    const [steps, characters, runs] = [this.#steps, this.#characters, this.#runs];
    const part = compile();
    return [
      part,
      {
        steps: this.#steps - steps,
        characters: this.#characters - characters,
        runs: (this.#runs - runs) / this.#times,
      },
    ];
  }

  #charactersOf(step: PlanStep): number {
    if (isGroupStep(step)) {
      const { choose, repeat, parents } = step;
      const edges = parents ? JSON.stringify(parents).length : 0;
      return edges + GROUP_CHARACTERS + ((choose ?? repeat) ? JSON.stringify(choose ?? repeat).length : 0);
    }
    const { task, args, kwargs, options } = step;
    const given = (args ? JSON.stringify(args).length : 0) + (kwargs ? JSON.stringify(kwargs).length : 0);
    return TASK_CHARACTERS + task.length + given + (options ? this.#charactersOfOptions(options) : 0);
  }
  #charactersOfOptions(options: object): number {
    const known = this.#options.get(options);
    if (known !== undefined) return known;
    const characters = JSON.stringify(options).length;
    if (this.#options.size >= KNOWN_OPTIONS) this.#options.clear();
    this.#options.set(options, characters);
    return characters;
  }
}
/** Characters of a step's JSON without its names and values. */
const TASK_CHARACTERS = 20;
const GROUP_CHARACTERS = 80;
const KNOWN_OPTIONS = 10_000;

/** Returns a count with its digits in groups of three. Products of loops may have more digits than fit a line. */
const shown = (count: number): string =>
  count < 1e15 ? String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",") : count.toExponential(1);
function refuse(code: ErrorCode, message: string, details: JsonObject): never {
  throw new FanfoldError(code, message, { details });
}
