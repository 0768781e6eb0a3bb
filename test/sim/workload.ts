import type { Script, ScriptWait } from "./script.ts";
import type {
  Canvas,
  FailurePolicy,
  Group,
  Signature,
  SignatureOptions,
  Tracking,
} from "../../functions/core/canvas/canvas.ts";
import type { ValueCondition } from "../../functions/core/canvas/value-condition.ts";
import type { JsonObject } from "../../functions/core/json.ts";
import { graphNowAndThen } from "./graph-workload.ts";
import { type FlowChoices, isForBulk, limitsOfSignature, prioritiesOf } from "./limit-workload.ts";
import { byNumber } from "./numbered.ts";
import type { Random } from "./random.ts";
import type { SharedWork } from "./shared-work.ts";
import { stampsOf } from "./team-stamps.ts";

/** Events that a client sends sooner or later while a run waits for them. No client sends any other event. */
export const EVENTS = ["go", "stop"] as const;
export const MAX_ATTEMPTS = 3;
/** Groups with unclaimed members are frequent, because only single plain steps behave differently in them. */
const TRACKED: readonly Tracking[] = ["lazy", "lazy", "full", "result", "ledger", "ledger"];
export const TASKS = {
  plain: "plain",
  streaming: "reads-by-stream",
  silent: "ignores-result",
  elsewhere: "other-queue",
  reporting: "streams-reports",
  bulk: "bulk",
} as const;

export type JobSpec =
  | { readonly kind: "canvas"; readonly canvas: Canvas; readonly timeoutSeconds?: number }
  | {
      readonly kind: "input";
      readonly pages: readonly (readonly Canvas[])[];
      readonly body?: Canvas;
      readonly policy?: FailurePolicy;
    };

/** Makes random canvases. A budget of strands keeps them small, and once it is spent every canvas is a single task. */
export class Workload {
  readonly #random: Random;
  readonly #timeouts: boolean;
  readonly #choose: FlowChoices;
  #budget: number;
  #labels: number;
  /** Set while the canvas being made is part of a group's member. A task may add members only to such a group. */
  #inGroup = false;

  readonly #shared: SharedWork | undefined;

  /**
   * `timeouts` lets some jobs time out, which needs a sweeper. Labels are numbered from `labels` + 1. `limits` and
   * `priorities` choose those of signatures, which have none without.
   */
  constructor(
    random: Random,
    timeouts: boolean,
    { labels = 0, shared, ...choose }: { labels?: number; shared?: SharedWork } & FlowChoices = {},
  ) {
    this.#shared = shared;
    this.#choose = choose;
    this.#random = random;
    this.#labels = labels;
    this.#timeouts = timeouts;
    this.#budget = 4 + random.int(14);
  }

  job(): JobSpec {
    this.#shared?.nextJob();
    const random = this.#random;
    if (random.chance(0.15)) {
      const pages = this.#list(random.int(4), () => this.#list(random.int(4), () => this.#strand(1)));
      return {
        kind: "input",
        pages,
        ...(random.chance(0.7) && { body: this.#task() }),
        ...(random.chance(0.6) && { policy: this.#policy() }),
      };
    }
    return this.canvasJob();
  }
  canvasJob(): Extract<JobSpec, { readonly kind: "canvas" }> {
    const random = this.#random;
    if (random.chance(0.2)) return { kind: "canvas", canvas: this.#wide() };
    // Most jobs of users are one task. It has no group of its own, whatever it spawns.
    const alone = random.chance(0.25);
    const canvas = alone ? this.#alone() : random.chance(0.7) ? this.#chord(2) : this.#strand(2);
    return {
      kind: "canvas",
      canvas,
      ...(random.chance(0.06) && this.#timeouts && { timeoutSeconds: 20 + random.int(200) }),
    };
  }

  /** Returns a job of one task with nothing beside it, which most likely starts at once and is mostly quick. */
  soloJob(): Extract<JobSpec, { readonly kind: "canvas" }> {
    const random = this.#random;
    this.#shared?.nextJob();
    return {
      kind: "canvas",
      canvas: random.chance(0.85) ? this.#task({ steps: random.int(3) }, TASKS.plain) : this.#task(),
      ...(random.chance(0.06) && this.#timeouts && { timeoutSeconds: 20 + random.int(200) }),
    };
  }
  #alone(): Canvas {
    return this.#random.chance(0.3) ? this.#parent(1) : this.#task();
  }
  /** Makes many quick members, so that a worker learns their pace and claims several at once. */
  #wide(): Canvas {
    const random = this.#random;
    const quick = (): Canvas => {
      const own = this.#task({ steps: random.int(3) }, random.chance(0.9) ? TASKS.plain : undefined);
      return this.#shared?.instead() ?? own;
    };
    const members = this.#list(5 + random.int(8), quick);
    return {
      kind: "chord",
      header: { kind: "group", members, options: { policy: this.#policy(), tracking: random.pick(TRACKED) } },
      body: this.#task(),
    };
  }
  #strand(given: number): Canvas {
    const random = this.#random;
    const depth = --this.#budget < 0 ? 0 : given;
    const length = this.#budget < 0 || random.chance(0.55) ? 1 : 2 + random.int(2);
    const items = this.#list(length, () => this.#step(depth));
    return items.length === 1 && random.chance(0.8) ? (items[0] as Canvas) : { kind: "chain", items };
  }
  #step(depth: number): Canvas {
    const graph = depth > 0 && this.#budget > 0 && this.#graph(depth - 1);
    if (graph) return graph;
    const dice = this.#random.next();
    if (depth > 0 && this.#budget > 0 && dice < 0.2) return this.#group(depth - 1);
    if (dice > 0.76 && dice < 0.84)
      return this.#task({
        behaviour: this.#random.chance(0.1) ? "once" : "succeed",
        execution: this.#random.chance(0.2) ? "fails" : "succeeds",
      });
    if (depth > 0 && dice > 0.88) return this.#flow(depth - 1);
    if (depth > 0 && this.#budget > 0 && dice < 0.4) return this.#parent(depth - 1);
    return this.#task();
  }
  #task(more: Partial<Script> = {}, name?: string): Canvas {
    const random = this.#random;
    const dice = random.next();
    const behaviour: Script["behaviour"] =
      dice < 0.06
        ? "always"
        : dice < 0.09
          ? "fatal"
          : dice < 0.11
            ? "broken"
            : dice < 0.22
              ? "once"
              : dice < 0.27
                ? "retry"
                : dice < 0.31
                  ? "skip"
                  : "succeed";
    const label = `t${++this.#labels}`;
    return this.#signature(
      {
        label,
        ...byNumber(this.#labels, more),
        steps: random.int(8),
        behaviour,
        ...(behaviour === "retry" && random.chance(0.5) && { delaySeconds: random.int(20) }),
        ...(random.chance(0.3) && {
          counters: { files: 1 + random.int(3), ...(random.chance(0.3) && { bytes: random.int(1_000) }) },
        }),
        ...(random.chance(0.03) && { big: true }),
        ...(random.chance(0.4) && { reads: true }),
        ...(random.chance(0.12) && { waits: this.#waits() }),
        ...(Object.keys(more).length === 0 && this.#shared?.needs()),
        ...more,
      },
      name,
      Object.keys(more).length === 0,
    );
  }
  /** Returns up to two sets of up to two events. Each event occurs once. */
  #waits(): readonly (readonly ScriptWait[])[] {
    const random = this.#random;
    const names = new Set(this.#list(1 + random.int(3), () => random.pick([...EVENTS, "never"])));
    const waits = [...names].map((name) => ({
      name,
      ...((name === "never" || random.chance(0.3)) && {
        seconds: 5 + random.int(100),
        ...(random.chance(0.3) && { fails: true as const }),
      }),
    }));
    const first = random.int(3);
    return [waits.slice(0, first), waits.slice(first)];
  }
  /** Makes a task with its own children, by outbox or streamed page by page. */
  #parent(depth: number): Canvas {
    const random = this.#random;
    const outside = this.#inGroup;
    const adds = outside && random.chance(0.25);
    // A task cannot tell whether it replaces a job, and then it may not add members. So only tasks that are certainly
    // in a group add members.
    this.#inGroup = false;
    const children = this.#list(random.int(this.#budget > 0 ? 5 : 2), () =>
      random.chance(0.4) ? this.#chord(depth) : this.#strand(depth),
    );
    this.#inGroup = outside;
    const behaviour = random.chance(0.15) ? "once" : random.chance(0.05) ? "always" : "succeed";
    const policy: FailurePolicy = random.chance(0.5) ? "settled" : this.#policy();
    // Long streams fill more pages than may be open, and sometimes the last page that is possible.
    const items = random.chance(0.3) ? [...children, ...this.#list(3 + random.int(8), () => this.#task())] : children;
    if (adds && children.length > 0)
      return this.#task({ behaviour, spawn: { children, policy: "allSuccess", value: "extras" } });
    if (random.chance(0.5))
      return this.#task({
        behaviour: random.chance(0.15) ? "fatal" : behaviour,
        stream: { items, policy, cursors: random.chance(0.6), own: random.chance(0.5) },
      });
    const value = children.length === 1 && random.chance(0.5) ? "replace" : random.chance(0.5) ? "group" : "own";
    // The run ends as its replacement does.
    return this.#task({
      behaviour,
      spawn: {
        children,
        policy: value === "replace" ? "allSuccess" : policy,
        value,
        ...(value !== "replace" && random.chance(0.5) && { varies: true }),
      },
    });
  }
  /**
   * Makes a branch, a loop or a wait. Conditions test texts that are as good as random, or the number of failed
   * members.
   */
  #flow(depth: number): Canvas {
    const random = this.#random;
    const dice = random.next();
    const links = random.chance(0.1) ? { linkError: [this.#task()] } : {};
    const text: ValueCondition = { is: "contains", value: random.pick(["a", "e", "1", "3", "k", "s"]) };
    if (dice < 0.4) {
      const condition = random.chance(0.6) ? text : ({ is: "gt", path: "/failed", value: 0 } as const);
      return {
        kind: "when",
        condition,
        do: this.#strand(depth),
        ...(random.chance(0.7) && { otherwise: this.#strand(depth) }),
        ...links,
      };
    }
    if (dice < 0.75) {
      const body = this.#strand(0);
      return {
        kind: "repeat",
        body,
        until: random.chance(0.8) ? text : { not: { is: "exists" } },
        most: 1 + random.int(3),
        ...links,
      };
    }
    const expires = random.chance(0.3) && this.#timeouts ? { expires: 20 + random.int(100) } : {};
    return {
      kind: "wait",
      of: random.chance(0.5) ? "approval" : "event",
      name: random.pick(EVENTS),
      ...expires,
      ...links,
    };
  }
  #graph(depth: number): Canvas | undefined {
    const outside = this.#inGroup;
    const node = (joins: boolean): Canvas => {
      this.#inGroup = true;
      return joins ? this.#task() : this.#strand(depth);
    };
    const graph = graphNowAndThen(this.#choose.graphs, { node, policy: () => this.#policy() });
    this.#inGroup = outside;
    return graph;
  }
  #group(depth: number): Group {
    const random = this.#random;
    const outside = this.#inGroup;
    this.#inGroup = true;
    const tracking = random.pick(TRACKED);
    // The tracking makes a difference only for members of one step.
    const single = (tracking === "result" || tracking === "ledger") && random.chance(0.6);
    const members = this.#list(random.int(this.#budget > 0 ? 6 : 2), () =>
      single ? this.#single(depth) : this.#strand(depth),
    );
    this.#inGroup = outside;
    return { kind: "group", members, options: { policy: this.#policy(), tracking, ttlSeconds: 1e7 + members.length } };
  }
  #single(depth: number): Canvas {
    this.#budget -= 0.5;
    return this.#random.chance(0.9) ? this.#task() : this.#parent(depth);
  }
  #chord(depth: number): Canvas {
    this.#budget--;
    const header = this.#group(depth);
    const random = this.#random;
    const body =
      depth > 0 && random.chance(0.35) ? this.#step(depth) : random.chance(0.2) ? this.#strand(depth) : this.#task();
    return { kind: "chord", header, body };
  }
  #policy(): FailurePolicy {
    const random = this.#random;
    const dice = random.int(9);
    return dice < 2 ? "allSuccess" : dice < 6 ? "settled" : dice < 8 ? "failFast" : { threshold: random.int(3) };
  }
  /** `any` says that the place takes any task. */
  #signature(script: Script, name: string | undefined, any: boolean): Canvas {
    const random = this.#random;
    const stamps = stampsOf(script.label);
    const options: SignatureOptions = {
      ...(stamps && { stamps }),
      retry: { maxAttempts: MAX_ATTEMPTS, initialDelaySeconds: random.int(6), jitter: random.chance(0.5) ? 0 : 0.5 },
      ...(random.chance(0.06) && { countdown: 1 + random.int(25) }),
      ...(random.chance(0.02) && { expires: 5 + random.int(60) }),
      ...(random.chance(script.stream ? 0.3 : 0.05) && { timeout: 4 + random.int(30) }),
      ...(random.chance(0.03) && { ignoreResult: true }),
    };
    const limits = this.#choose.limits && limitsOfSignature(this.#choose.limits);
    const plain = name === undefined || name === TASKS.plain;
    const plays = plain && isForBulk(this.#choose.bulk, { ...script });
    const task =
      (plays ? TASKS.bulk : name) ??
      (random.chance(0.75)
        ? TASKS.plain
        : random.pick([TASKS.streaming, TASKS.streaming, TASKS.silent, TASKS.elsewhere]));
    const kwargs = { script: { ...script, ...(limits && { limits }) } as unknown as JsonObject };
    const limited = { ...options, ...limits, ...prioritiesOf(this.#choose.priorities) };
    const bare = {
      kind: "task" as const,
      task: script.reports === undefined ? task : TASKS.reporting,
      args: [script.label],
      kwargs,
      options: limited,
      immutable: random.chance(0.2),
    };
    const made = random.chance(0.12) ? this.#linked(bare) : bare;
    return (any ? this.#shared?.instead() : undefined) ?? made;
  }
  /** Adds links and error links. These may be strands and have links themselves. */
  #linked(host: Signature): Signature {
    const outside = this.#inGroup;
    this.#inGroup = false;
    const callbacks = (): readonly Canvas[] =>
      this.#list(1 + this.#random.int(2), () => this.#strand(this.#budget > 0 ? 1 : 0));
    const link = this.#random.chance(0.7) ? { link: callbacks() } : {};
    const linkError = this.#random.chance(0.6) ? { linkError: callbacks() } : {};
    this.#inGroup = outside;
    return { ...host, ...link, ...linkError };
  }
  #list<T>(length: number, make: () => T): T[] {
    return Array.from({ length }, make);
  }
}
