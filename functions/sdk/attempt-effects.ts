import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import { flatMembers } from "../core/canvas/canvas-composition.ts";
import { readFailurePolicy, readTtlSeconds } from "../core/canvas/signature-options.ts";
import { FanfoldError } from "../core/errors.ts";
import { canonicalJson, type Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import type { Spawned } from "../core/task/invocation.ts";
import { canvasesOf, canvasOf, type CanvasSource, isIterable } from "./canvas-builder.ts";
import type { CallbackOptions } from "./task-context.ts";

const COUNTER_NAME = /^[A-Za-z0-9_]{1,50}$/;
/** Counters are attributes of ledger items, which must fit into one write unit. */
const MAX_COUNTERS = 20;
/** Seconds after its end for which a group with a callback can be read. */
const DEFAULT_TTL_SECONDS = 86_400;

/**
 * Collects the counters and children of an attempt. They take effect only when the attempt succeeds, as part of its
 * outcome.
 */
export class AttemptEffects {
  readonly #defaultPolicy: FailurePolicy;
  #counters: Map<string, number> | undefined;
  #children: Canvas[] | undefined;
  #extras: Canvas[] | undefined;
  #policy: FailurePolicy | undefined;
  /** Indexes of the children that keep the queue and the priority of this run. */
  readonly #placed: number[] = [];
  #streaming = false;

  constructor(defaultPolicy: FailurePolicy) {
    this.#defaultPolicy = defaultPolicy;
  }
  /** `true` while there are no counters and no children. */
  get none(): boolean {
    return this.#counters === undefined && this.#children === undefined && this.#extras === undefined;
  }
  count(name: string, by: number): void {
    this.notStreaming("count");
    const counters = (this.#counters ??= new Map<string, number>());
    if (!COUNTER_NAME.test(name)) throw invalid("the name of a counter has letters, digits and _, at most 50");
    if (!Number.isSafeInteger(by)) throw invalid(`counter ${name} takes whole numbers`);
    if (counters.size >= MAX_COUNTERS && !counters.has(name))
      throw invalid(`a run has at most ${MAX_COUNTERS} counters`);
    counters.set(name, (counters.get(name) ?? 0) + by);
  }
  spawn(given: CanvasSource | Iterable<CanvasSource>, givenPolicy: FailurePolicy | undefined): void {
    this.notStreaming("spawn");
    const children = (this.#children ??= []);
    const added = canvasesOf(isIterable(given) ? given : [given], LIMITS.spawnedChildren - children.length);
    this.#usePolicy(givenPolicy);
    for (const child of added) children.push(child);
  }
  spawnWithCallback(
    given: Iterable<CanvasSource>,
    callback: CanvasSource,
    { policy, ttlSeconds = DEFAULT_TTL_SECONDS }: CallbackOptions,
  ): { readonly index: number; readonly members: number } {
    this.notStreaming("spawn");
    const children = (this.#children ??= []);
    const members = canvasesOf(given, LIMITS.spawnedChildren - children.length);
    const body = canvasOf(callback);
    const options = {
      ...(policy !== undefined && { policy: readFailurePolicy(policy, "/policy") }),
      ttlSeconds: readTtlSeconds(ttlSeconds, "/ttlSeconds"),
    };
    this.#usePolicy(undefined);
    const index = children.push({ kind: "chord", header: { kind: "group", members, options }, body }) - 1;
    this.#placed.push(index);
    return { index, members: flatMembers(members) };
  }
  addToChord(given: CanvasSource | Iterable<CanvasSource>): void {
    this.notStreaming("add to its chord");
    const extras = (this.#extras ??= []);
    for (const extra of canvasesOf(isIterable(given) ? given : [given], LIMITS.spawnedChildren - extras.length))
      extras.push(extra);
  }
  /** Throws `invalid_request` in a streaming task, which cannot make this call. */
  notStreaming(call: string): void {
    if (this.#streaming) throw invalid(`a streaming task cannot ${call}: yield the work, and let the children do it`);
  }
  /**
   * Marks the attempt as streaming. Its children are the canvases that it yields, and no outcome could carry counters.
   */
  startStreaming(): void {
    this.#streaming = true;
  }
  /** Counters with their stored names. Undefined when there are none. */
  get counters(): Readonly<Record<string, number>> | undefined {
    if (this.#counters === undefined || this.#counters.size === 0) return undefined;
    return Object.fromEntries(this.#counters);
  }
  /** Returns the children of the attempt. Returns undefined when it spawned none. */
  spawned(value: Spawned["value"]): Spawned | undefined {
    const children = this.#children ?? [];
    const extras = this.#extras ?? [];
    if (extras.length === 0)
      return children.length === 0
        ? undefined
        : {
            children,
            policy: this.#policy ?? this.#defaultPolicy,
            value,
            ...(this.#placed.length > 0 && { placed: this.#placed }),
          };
    if (children.length > 0) throw invalid("a run either adds to its chord or has children of its own");
    return { children: extras, policy: "allSuccess", value: "extras" };
  }

  #usePolicy(given: FailurePolicy | undefined): void {
    const next = given === undefined ? (this.#policy ?? this.#defaultPolicy) : readFailurePolicy(given, "/policy");
    if (this.#policy !== undefined && canonicalJson(this.#policy as Json) !== canonicalJson(next as Json))
      throw invalid("the children of one run share one policy");
    this.#policy = next;
  }
}

function invalid(message: string): FanfoldError {
  return new FanfoldError("invalid_request", message);
}
