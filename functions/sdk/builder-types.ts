import type { Canvas, Chunks, Group, SignatureOptions } from "../core/canvas.ts";
import type { LinkRules } from "../core/canvas-algebra.ts";
import type { Marks, StampRules, StampVisitor } from "../core/canvas-stamp.ts";
import type { ErrorData } from "../core/invocation.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Ends, Missing } from "./partial-args.ts";
import type { SubmitCall, SubmittedJob } from "./submitter.ts";

declare const resultOf: unique symbol;
declare const restOf: unique symbol;
declare const immutableOf: unique symbol;
declare const plainOf: unique symbol;

/** A canvas that can be started. `Result` is what it ends with; it exists for the compiler only. */
export interface CanvasBuilder<Result = unknown> {
  /** The canvas as data. */
  readonly canvas: Canvas;
  /**
   * Starts it as a job.
   * @throws FanfoldError `engine_unavailable` without a submitter, and whatever the submitter refuses.
   */
  submit(call?: SubmitCall): Promise<SubmittedJob>;
  /** Its wire form: docs/canvas.schema.json describes it, `canvasFrom` reads it. */
  toJSON(): Json;
  readonly [resultOf]?: Result;
}

/**
 * A canvas with what can be done to it: it is immutable, so every method gives a new one. Beside `Result`, two more types exist for the compiler only: `Rest` are
 * the arguments it still misses, from the left, and `Immutable` is `true` for what takes nothing from a step before.
 */
export interface TypedCanvas<Result, Rest extends readonly unknown[], Immutable extends boolean> extends CanvasBuilder<Result> {
  /** Starts it as a job, with these arguments before its own. */
  delay(...rest: Rest): Promise<SubmittedJob>;
  /**
   * Runs `next` after it: `a.pipe(b)` is Celery's `a | b`. A group followed by something is a chord.
   * @example add.s(2, 2).pipe(mul.s(8)).pipe(mul.s(10)); // 320
   */
  pipe<Next extends CanvasSource>(next: Next & Fits<Result, Next>): TypedCanvas<ResultOf<Next>, Rest, Immutable>;
  /** With these options over its own. Times are seconds, `eta` is milliseconds since the epoch. A group hands them to its members. */
  set(options: SignatureOptions): this;
  /**
   * With `args` before its own, `kwargs` and `options` over its own. What is immutable takes the options only; a chain hands arguments to its first step, a group
   * to every member, a chord to its header.
   */
  clone<const Given extends Ends<Rest>>(args?: Given, kwargs?: JsonObject, options?: SignatureOptions): TypedCanvas<Result, Missing<Rest, Given>, Immutable>;
  /** Takes nothing from a step before from now on; `false`: takes it again. Of a group: each member; of a chord: its body. */
  setImmutable<const Value extends boolean = true>(immutable?: Value): TypedCanvas<Result, Rest, Value>;
  /** Runs `callback` with its value once it has ended well, beside whatever follows. The callback's fate changes nothing here. An equal one counts once. */
  link<Callback extends CanvasSource>(callback: Callback & Fits<Result, Callback>): this;
  /**
   * Runs `errback` once it has failed, with the request, the error and its trace. Of a chain: whichever step fails; of a group: per failed member; of a chord: once,
   * whether header or body failed, and with `headerErrors` for each failed member of the header too.
   */
  linkError<Errback extends CanvasSource>(errback: Errback & TakesError<Errback>, rules?: LinkRules): this;
  /** Marks every signature in it, callbacks that it has now included. See `StampRules` for what was stamped before. */
  stamp(marks: Marks, rules?: StampRules): this;
  /** Stamps with what a visitor says on its way through the canvas. */
  stampWith(visitor: StampVisitor, rules?: StampRules): this;
  readonly [restOf]?: Rest;
  readonly [immutableOf]?: Immutable;
}

/** A group. `Plain`: it has no options of its own, so that in another group it dissolves, and in a chain a single member takes its place. */
export interface GroupBuilder<
  Results extends readonly unknown[] = readonly unknown[],
  Rest extends readonly unknown[] = readonly unknown[],
  Plain extends boolean = boolean,
  Immutable extends boolean = boolean,
> extends TypedCanvas<Results, Rest, Immutable> {
  readonly canvas: Group;
  /** Members start one after the other: `start` (default 1), `start + step` (default 1) .. seconds from now; those after `stop` with the last of these. */
  skew(range?: { readonly start?: number; readonly stop?: number; readonly step?: number }): this;
  readonly [plainOf]?: Plain;
}
/** A list cut into parts, each run by one task. */
export interface ChunksBuilder<Result = unknown> extends TypedCanvas<Result[][], [], true> {
  readonly canvas: Chunks;
  /** As a group with one member for each part. */
  group(): GroupBuilder<Result[][], []>;
}

/** Wherever a canvas is expected: a builder, or a canvas as data, of which no types are known. */
export type CanvasSource<Result = unknown> = CanvasBuilder<Result> | Canvas;
/** What a canvas ends with; `unknown` when it is data. */
export type ResultOf<Source> = Source extends { readonly [resultOf]?: infer Result } ? Result : unknown;
/** What it still misses. */
export type RestOf<Source> = Source extends { readonly [restOf]?: infer Rest extends readonly unknown[] } ? Rest : readonly unknown[];
export type ImmutableOf<Source> = Source extends { readonly [immutableOf]?: infer Immutable extends boolean } ? Immutable : boolean;
/** Results of a plain group, which dissolves in another group. */
type PlainResults<Source> = Source extends { readonly [plainOf]?: infer Plain; readonly canvas: Group }
  ? [Plain] extends [true]
    ? ResultOf<Source>
    : never
  : never;

/** What a step gives to the next one: a plain group of one gives what its member gives. */
export type StepResult<Source> = [PlainResults<Source>] extends [never]
  ? ResultOf<Source>
  : PlainResults<Source> extends readonly [infer Only]
    ? Only
    : ResultOf<Source>;

/** Results of members given as a list, in their order: of a list of known length one by one. */
export type MemberResults<Members extends readonly unknown[]> = number extends Members["length"]
  ? MemberResult<Members[number]>[]
  : Members extends readonly [infer First, ...infer Others]
    ? [...([PlainResults<First>] extends [never] ? [ResultOf<First>] : Spread<PlainResults<First>>), ...MemberResults<Others>]
    : [];
type Spread<List> = List extends readonly unknown[] ? List : [];
export type MemberResult<Source> = [PlainResults<Source>] extends [never] ? ResultOf<Source> : Spread<PlainResults<Source>>[number];
/** What every member must be given: members that take nothing set no terms. */
export type MembersRest<Source> = [Mutable<Source>] extends [never]
  ? []
  : AllOf<Mutable<Source> extends infer Each ? (Each extends unknown ? RestOf<Each> : never) : never>;
type Mutable<Source> = Source extends unknown ? ([ImmutableOf<Source>] extends [true] ? never : Source) : never;
/** A list that is each of these lists. */
export type AllOf<Lists> = (Lists extends unknown ? (list: Lists) => void : never) extends (list: infer All extends readonly unknown[]) => void
  ? All
  : readonly unknown[];
/** Members that all take nothing make a group that takes nothing. */
export type MembersImmutable<Source> = [Mutable<Source>] extends [never] ? true : false;

/** Added to the type of a step that cannot take what the step before gives: too few or other parameters, or none. */
export interface Refused<Given, Wanted> {
  readonly "this step does not take what the one before gives; .si(..) takes nothing": { readonly given: Given; readonly wanted: Wanted };
}
/** `unknown` when `Next` takes a `Result`, else what makes it an error. Nothing is known of data, and of tasks that return nothing: their children may give the value. */
export type Fits<Result, Next> = [ImmutableOf<Next>] extends [false]
  ? [Result] extends [void | undefined]
    ? unknown
    : unknown extends Result
      ? unknown
      : [Said<Result>] extends RestOf<Next>
        ? unknown
        : Refused<Result, RestOf<Next>>
  : unknown;
type Said<Result> = Result extends readonly unknown[] ? { [Index in keyof Result]: Exclude<Result[Index], void | undefined> } : Result;

/** What an error link is given: the request of the signature that it hangs on. Where the group before that failed, it is of a run that will never be. */
export interface FailedRequest {
  readonly runId: string;
  readonly jobId: string;
  /** 0: it never ran. */
  readonly attempt: number;
  /** Absent for a group. */
  readonly task?: string;
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  readonly stamps?: JsonObject;
}
/** Names the run that failed first. */
export interface LinkedError extends ErrorData {
  readonly runId: string;
}
type ErrorArguments = [request: FailedRequest, error: LinkedError, trace: string | null];
type Prefixes<List extends readonly unknown[]> = List extends readonly [...infer Front, unknown] ? List | Prefixes<Front> : [];
/** An error link may take fewer than it is given. */
export type TakesError<Errback> = [ImmutableOf<Errback>] extends [false]
  ? [Extract<Prefixes<ErrorArguments>, RestOf<Errback>>] extends [never]
    ? Refused<ErrorArguments, RestOf<Errback>>
    : unknown
  : unknown;
