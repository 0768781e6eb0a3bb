import type { Canvas, FailurePolicy } from "../core/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import type { Spawned } from "../core/invocation.ts";
import { canonicalJson, type Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { readFailurePolicy } from "../core/signature-options.ts";
import { canvasesOf, canvasOf, isIterable, type CanvasSource } from "./canvas-builder.ts";

const COUNTER_NAME = /^[A-Za-z0-9_]{1,50}$/;
/** Counters are attributes of ledger items, which must stay small enough for one write unit. */
const MAX_COUNTERS = 20;

/** What an attempt asks for while it runs. It takes effect only with the attempt's success, as part of its outcome. */
export interface AttemptEffects {
  count(name: string, by: number): void;
  spawn(children: CanvasSource | Iterable<CanvasSource>, policy: FailurePolicy | undefined): void;
  spawnWithCallback(children: Iterable<CanvasSource>, callback: CanvasSource, policy: FailurePolicy | undefined): void;
  addToChord(children: CanvasSource | Iterable<CanvasSource>): void;
  /** Refuses what a streaming task cannot do. */
  notStreaming(call: string): void;
  /** From now on the attempt streams: its children are what it yields, and there is no outcome that could carry counters. */
  startStreaming(): void;
  readonly counters: Readonly<Record<string, number>> | undefined;
  /** undefined: nothing was spawned. */
  spawned(value: Spawned["value"]): Spawned | undefined;
}

export function createAttemptEffects(defaultPolicy: FailurePolicy): AttemptEffects {
  const counters = new Map<string, number>();
  const children: Canvas[] = [];
  const extras: Canvas[] = [];
  let policy: FailurePolicy | undefined;
  let streaming = false;

  function notStreaming(call: string): void {
    if (streaming) throw invalid(`a streaming task cannot ${call}: yield the work, and let the children do it`);
  }
  function usePolicy(given: FailurePolicy | undefined): void {
    const next = given === undefined ? (policy ?? defaultPolicy) : readFailurePolicy(given, "/policy");
    if (policy !== undefined && canonicalJson(policy as Json) !== canonicalJson(next as Json)) throw invalid("the children of one run share one policy");
    policy = next;
  }
  return {
    notStreaming,
    count(name, by) {
      notStreaming("count");
      if (!COUNTER_NAME.test(name)) throw invalid("the name of a counter has letters, digits and _, at most 50");
      if (!Number.isSafeInteger(by)) throw invalid(`counter ${name} takes whole numbers`);
      if (counters.size >= MAX_COUNTERS && !counters.has(name)) throw invalid(`a run has at most ${MAX_COUNTERS} counters`);
      counters.set(name, (counters.get(name) ?? 0) + by);
    },
    spawn(given, givenPolicy) {
      notStreaming("spawn");
      const added = isIterable(given)
        ? canvasesOf(given, LIMITS.spawnedChildren - children.length)
        : canvasesOf([given], LIMITS.spawnedChildren - children.length);
      usePolicy(givenPolicy);
      for (const child of added) children.push(child);
    },
    addToChord(given) {
      notStreaming("add to its chord");
      const room = LIMITS.spawnedChildren - extras.length;
      for (const extra of canvasesOf(isIterable(given) ? given : [given], room)) extras.push(extra);
    },
    spawnWithCallback(given, callback, givenPolicy) {
      notStreaming("spawn");
      const members = canvasesOf(given, LIMITS.spawnedChildren - children.length);
      const options = givenPolicy === undefined ? {} : { policy: readFailurePolicy(givenPolicy, "/policy") };
      usePolicy(undefined);
      children.push({ kind: "chord", header: { kind: "group", members, options }, body: canvasOf(callback) });
    },
    startStreaming() {
      streaming = true;
    },
    get counters() {
      return counters.size === 0 ? undefined : Object.fromEntries([...counters].map(([name, count]) => [`u_${name}`, count]));
    },
    spawned(value) {
      if (extras.length === 0) return children.length === 0 ? undefined : { children, policy: policy ?? defaultPolicy, value };
      if (children.length > 0) throw invalid("a run either adds to its chord or has children of its own");
      return { children: extras, policy: "allSuccess", value: "extras" };
    },
  };
}

function invalid(message: string): FanfoldError {
  return new FanfoldError("invalid_request", message);
}
