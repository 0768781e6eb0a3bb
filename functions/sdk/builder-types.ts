import type { LinkRules } from "../core/canvas/canvas-links.ts";
import type { Marks, StampRules, StampVisitor } from "../core/canvas/canvas-stamp.ts";
import type { Canvas, Chunks, FailurePolicy, Group, SignatureOptions } from "../core/canvas/canvas.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { FailedMember } from "./failed-member.ts";
import type { FailedRequest, LinkedError } from "./failed-request.ts";
import type { Ends, Missing } from "./partial-args.ts";
import type { SubmitCall, SubmittedJob } from "./submitter.ts";

declare const resultOf: unique symbol;
declare const restOf: unique symbol;
declare const immutableOf: unique symbol;
declare const plainOf: unique symbol;

/** A canvas as a builder holds it. `Result` is the type of its value, for the compiler only. */
export interface CanvasBuilder<Result = unknown> {
  /** The canvas as data. */
  readonly canvas: Canvas;
  /** Returns the wire form, which docs/canvas.schema.json describes and `canvasFrom` reads. */
  toJSON(): Json;
  readonly [resultOf]?: Result;
}

/**
 * A canvas with its operations. It is immutable, so every method returns a new canvas. Two more types exist for the
 * compiler only. `Rest` are the arguments that are still missing, from the left. `Immutable` is `true` when the canvas
 * takes nothing from the previous step.
 */
export interface TypedCanvas<
  Result,
  Rest extends readonly unknown[],
  Immutable extends boolean,
> extends CanvasBuilder<Result> {
  /**
   * Starts the canvas as a job. A canvas that misses arguments does not compile here: give them to `.s(..)`,
   * `.clone([..])` or `.delay(..)`.
   * @throws FanfoldError `engine_unavailable` without a submitter, and any error of the submitter
   */
  submit(this: [] extends Rest ? unknown : Unfinished<Rest>, call?: SubmitCall): Promise<SubmittedJob>;
  /** Starts the canvas as a job, with these arguments before its own. */
  delay(...rest: Rest): Promise<SubmittedJob>;
  /**
   * Returns a canvas that runs `next` afterwards: `a.pipe(b)` is Celery's `a | b`. A group with a successor becomes a
   * chord.
   * @example add.s(2, 2).pipe(mul.s(8)).pipe(mul.s(10)); // 320
   */
  pipe<Next extends CanvasSource>(next: Next & Fits<Result, Next>): TypedCanvas<ResultOf<Next>, Rest, Immutable>;
  /**
   * Returns the canvas with these options over its own. Durations are seconds, `eta` is milliseconds since the epoch. A
   * group passes the options to its members.
   */
  set(options: SignatureOptions): this;
  /**
   * Returns the canvas with `args` before its own, and with `kwargs` and `options` over its own. A chain passes
   * arguments to its first step, a group to every member, a chord to its header. Immutable signatures take the options
   * only.
   */
  clone<const Given extends Ends<Rest>>(
    args?: Given,
    kwargs?: JsonObject,
    options?: SignatureOptions,
  ): TypedCanvas<Result, Missing<Rest, Given>, Immutable>;
  /**
   * Returns the canvas so that it takes nothing from the previous step; `false` reverses that. A group passes this to
   * its members, a chord to its body.
   */
  setImmutable<const Value extends boolean = true>(immutable?: Value): TypedCanvas<Result, Rest, Value>;
  /**
   * Returns the canvas with a link, which runs `callback` with the value after a success. The callback runs beside the
   * next step, and its end changes nothing here. An equal link is added once.
   */
  link<Callback extends CanvasSource>(callback: Callback & Fits<Result, Callback>): this;
  /**
   * Returns the canvas with an error link, which runs `errback` with the request, the error and its trace after a
   * failure.
   * - In a chain it runs for the step that fails, in a group for each failed member.
   * - In a chord it runs once, whether the header or the body failed. With `headerErrors` it also runs for each failed
   *   member of the header.
   */
  linkError<Errback extends CanvasSource>(errback: Errback & TakesError<Errback>, rules?: LinkRules): this;
  /**
   * Returns the canvas with every signature stamped, present callbacks included. `StampRules` covers signatures that
   * are stamped already.
   */
  stamp(marks: Marks, rules?: StampRules): this;
  /** Returns the canvas stamped with the marks that a visitor returns for its parts. */
  stampWith(visitor: StampVisitor, rules?: StampRules): this;
  readonly [restOf]?: Rest;
  readonly [immutableOf]?: Immutable;
}

/**
 * A group. `Plain` is `true` for a group without options. Such a group dissolves in another group, and in a chain a
 * single member replaces it.
 */
export interface GroupBuilder<
  Results extends readonly unknown[] = readonly unknown[],
  Rest extends readonly unknown[] = readonly unknown[],
  Plain extends boolean = boolean,
  Immutable extends boolean = boolean,
> extends TypedCanvas<Results, Rest, Immutable> {
  readonly canvas: Group;
  /**
   * Returns the group with its members delayed: `start` (default 1), `start + step` (default 1) .. seconds from now.
   * Members beyond `stop` start with the last member before it.
   */
  skew(range?: { readonly start?: number; readonly stop?: number; readonly step?: number }): this;
  readonly [plainOf]?: Plain;
}
/** A list cut into parts. Each part is run by one task. */
export interface ChunksBuilder<Result = unknown> extends TypedCanvas<Result[][], [], true> {
  readonly canvas: Chunks;
  /** Returns a group with one member for each part. */
  group(): GroupBuilder<Result[][], []>;
}

/** Accepted wherever a canvas is expected: a builder, or a canvas as data, whose types are unknown. */
export type CanvasSource<Result = unknown> = CanvasBuilder<Result> | Canvas;
/** The type of the value of a canvas. `unknown` for data. */
export type ResultOf<Source> = Source extends { readonly [resultOf]?: infer Result } ? Result : unknown;
/** The types of the arguments that are still missing. */
export type RestOf<Source> = Source extends { readonly [restOf]?: infer Rest extends readonly unknown[] }
  ? Rest
  : readonly unknown[];
/** Whether a canvas takes nothing from the previous step. */
export type ImmutableOf<Source> = Source extends { readonly [immutableOf]?: infer Immutable extends boolean }
  ? Immutable
  : boolean;
/** The results of a plain group, which dissolves in another group. `never` for any other canvas. */
type PlainResults<Source> = Source extends { readonly [plainOf]?: infer Plain; readonly canvas: Group }
  ? [Plain] extends [true]
    ? ResultOf<Source>
    : never
  : never;

/** The type that a step passes to the next one. A plain group of one passes the value of its member. */
export type StepResult<Source> = [PlainResults<Source>] extends [never]
  ? ResultOf<Source>
  : PlainResults<Source> extends readonly [infer Only]
    ? Only
    : ResultOf<Source>;

/** The results of a list of members, in order. A list of known length gives a tuple. */
export type MemberResults<Members extends readonly unknown[]> = number extends Members["length"]
  ? MemberResult<Members[number]>[]
  : Members extends readonly [infer First, ...infer Others]
    ? [
        ...([PlainResults<First>] extends [never] ? [ResultOf<First>] : Spread<PlainResults<First>>),
        ...MemberResults<Others>,
      ]
    : [];
type Spread<List> = List extends readonly unknown[] ? List : [];
/** The result of one member. A plain group contributes the results of its own members. */
export type MemberResult<Source> = [PlainResults<Source>] extends [never]
  ? ResultOf<Source>
  : Spread<PlainResults<Source>>[number];
/** The results of a group with this policy. All but two policies pass failed members on. */
export type WithFailures<Results extends readonly unknown[], Policy extends FailurePolicy> = [Policy] extends [
  "allSuccess" | "failFast",
]
  ? Results
  : { [Index in keyof Results]: Results[Index] | FailedMember };
/** The arguments that every member needs. Immutable members need none. */
export type MembersRest<Source> = [Mutable<Source>] extends [never]
  ? []
  : AllOf<Mutable<Source> extends infer Each ? (Each extends unknown ? RestOf<Each> : never) : never>;
type Mutable<Source> = Source extends unknown ? ([ImmutableOf<Source>] extends [true] ? never : Source) : never;
/** A list type that is assignable to each of these list types. */
export type AllOf<Lists> = (Lists extends unknown ? (list: Lists) => void : never) extends (
  list: infer All extends readonly unknown[],
) => void
  ? All
  : readonly unknown[];
/** `true` when all members are immutable, so that the group is immutable. */
export type MembersImmutable<Source> = [Mutable<Source>] extends [never] ? true : false;

/**
 * Added to the type of a step that cannot take the value of the previous step, because its parameters are missing or
 * different.
 */
export interface Refused<Given, Wanted> {
  readonly "this step does not take what the one before gives; .si(..) takes nothing": {
    readonly given: Given;
    readonly wanted: Wanted;
  };
}
/**
 * `unknown` when `Next` takes a `Result`, else a type that makes `Next` an error. Data is not checked. Nor are tasks
 * that return nothing, since their children may supply the value.
 */
export type Fits<Result, Next> = [ImmutableOf<Next>] extends [false]
  ? [Result] extends [void | undefined]
    ? unknown
    : unknown extends Result
      ? unknown
      : [WithoutVoid<Result>] extends RestOf<Next>
        ? unknown
        : Refused<Result, RestOf<Next>>
  : unknown;
type WithoutVoid<Result> = Result extends readonly unknown[]
  ? { [Index in keyof Result]: Exclude<Result[Index], void | undefined> }
  : Result;

/** Added to the type of a canvas that misses arguments where only a whole one can be started. */
export interface Unfinished<Rest> {
  readonly "arguments are missing: give them to .s(..) or .clone([..]), or start it with .delay(..)": Rest;
}
/** A task, as far as it can be mistaken for a signature. */
export interface TaskLike {
  readonly s: (...args: never) => unknown;
  readonly si: (...args: never) => unknown;
}
/** Added to the type of a task where a signature is meant. */
export interface NotSigned {
  readonly "this is a task, not a signature: write task.s(..)": true;
}
/** `unknown` when something can be started as it is, else a type that makes it an error. */
export type Whole<Source> = Source extends TaskLike
  ? NotSigned
  : [] extends RestOf<Source>
    ? unknown
    : Unfinished<RestOf<Source>>;

type ErrorArguments = [request: FailedRequest, error: LinkedError, trace: string | null];
type Prefixes<List extends readonly unknown[]> = List extends readonly [...infer Front, unknown]
  ? List | Prefixes<Front>
  : [];
/** `unknown` when an error link takes these arguments or fewer, else a type that makes it an error. */
export type TakesError<Errback> = [ImmutableOf<Errback>] extends [false]
  ? [Extract<Prefixes<ErrorArguments>, RestOf<Errback>>] extends [never]
    ? Refused<ErrorArguments, RestOf<Errback>>
    : unknown
  : unknown;
