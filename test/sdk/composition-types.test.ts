import { describe, expectTypeOf, it } from "vitest";
import {
  approval,
  canvasFrom,
  chain,
  chord,
  defineTask,
  group,
  isFailedMember,
  repeat,
  waitForEvent,
  when,
  type Canvas,
  type CanvasBuilder,
  type FailedMember,
  type FailedRequest,
  type FailurePolicy,
  type GroupOptions,
  type LinkedError,
  type RestOf,
  type ResultOf,
  type TaskSignature,
} from "../../functions/sdk/index.ts";

// `npm run check:types` checks these types. Running them only proves that they load.
const add = defineTask({ name: "add", run: (_ctx, x: number, y: number) => x + y });
const label = defineTask({
  name: "label",
  run: async (_ctx, n: number, prefix: string, _suffix?: string) => `${prefix}${n}`,
});
const length = defineTask({ name: "length", run: (_ctx, text: string) => text.length });
const sum = defineTask({ name: "sum", run: (_ctx, xs: number[]) => xs.length });
const tolerant = defineTask({
  name: "tolerant",
  run: (_ctx, xs: readonly (number | FailedMember)[]) => {
    expectTypeOf(xs.filter(isFailedMember)).toEqualTypeOf<FailedMember[]>();
    expectTypeOf(xs.flatMap((x) => (isFailedMember(x) ? [] : [x]))).toEqualTypeOf<number[]>();
    return xs.length;
  },
});
const lists = defineTask({ name: "lists", run: (_ctx, xs: number[][]) => xs.length });
const join = defineTask({ name: "join", run: (_ctx, texts: readonly string[]) => texts.join() });
const noted = defineTask({ name: "noted", run: () => true });
const spawner = defineTask({ name: "spawner", run: (ctx, n: number) => void ctx.spawn([add.s(n, n)]) });
const onError = defineTask({
  name: "onError",
  run: (_ctx, request: FailedRequest, error: LinkedError) => `${request.runId} ${error.message}`,
});
const trace = defineTask({
  name: "trace",
  run: (_ctx, _request: FailedRequest, _error: LinkedError, text: string | null) => text,
});
const numbers = [1, 2].map((n) => add.s(n, n));

describe("types of compositions", () => {
  it("the type of a chain has its missing arguments and its result", () => {
    const needs = chain(add.s(2), add.s(3));
    expectTypeOf<RestOf<typeof needs>>().toEqualTypeOf<[number]>();
    expectTypeOf<ResultOf<typeof needs>>().toEqualTypeOf<number>();
    expectTypeOf<typeof needs.delay>().parameters.toEqualTypeOf<[number]>();
    const whole = needs.clone([1]);
    expectTypeOf<RestOf<typeof whole>>().toEqualTypeOf<[]>();
    const texts = chain(add.s(1, 2), label.s("a"), length.s(), label.s("b", "c"));
    expectTypeOf<ResultOf<typeof texts>>().toEqualTypeOf<string>();
    const nested = chain(needs, chain(label.s("a"), length.s()));
    expectTypeOf<RestOf<typeof nested>>().toEqualTypeOf<[number]>();
    expectTypeOf<ResultOf<typeof nested>>().toEqualTypeOf<number>();
  });

  it("an optional parameter may be left to its default in the middle of a chain", () => {
    expectTypeOf<RestOf<ReturnType<typeof label.s<["a"]>>>>().toEqualTypeOf<[number, string?]>();
  });

  it("passing a wrong result to the next task does not compile", () => {
    const wrong = [
      // @ts-expect-error a number into a text
      () => chain(add.s(1, 2), length.s()),
      // @ts-expect-error two parameters are missing, one result comes
      () => chain(add.s(1, 2), add.s()),
      // @ts-expect-error nothing is missing, but a result comes: write si
      () => chain(add.s(1, 2), add.s(3, 4)),
      // @ts-expect-error in the middle
      () => chain(add.s(1, 2), label.s("a"), add.s(1), length.s()),
      // @ts-expect-error through a nested chain
      () => chain(chain(add.s(1, 2), label.s("a")), add.s(1)),
      // @ts-expect-error into a nested chain
      () => chain(add.s(1, 2), chain(length.s(), add.s(1))),
      // @ts-expect-error every member takes a number
      () => chain(add.s(1, 2), group([add.s(1), length.s()])),
      // @ts-expect-error a list of numbers into a list of texts
      () => chain(group(numbers), join.s()),
      // @ts-expect-error a list into a number
      () => chord(numbers, add.s(1)),
      // @ts-expect-error a list of texts into a list of numbers
      () => chord([label.s(1, "a"), label.s(2, "b")], sum.s()),
      // @ts-expect-error a number into a text, with pipe
      () => add.s(1, 2).pipe(length.s()),
      // @ts-expect-error a number into a text, as a link
      () => add.s(1, 2).link(length.s()),
      // @ts-expect-error an error link is given a request first
      () => add.s(1, 2).linkError(length.s()),
      // @ts-expect-error a chain that misses a number is not given a text
      () => chain(add.s(2), add.s(3)).delay("1"),
    ];
    expectTypeOf(wrong).toBeArray();
  });

  it("a task without parameters may follow any task", () => {
    const immutable = chain(add.s(1, 2), length.si("abc"), noted.s(), add.si(3, 4).set({ priority: 1 }), label.s("a"));
    expectTypeOf<ResultOf<typeof immutable>>().toEqualTypeOf<string>();
    expectTypeOf(add.s(1, 2).setImmutable()).toEqualTypeOf<TaskSignature<[], number, true>>();
    const header = chain(add.s(1, 2), group([add.si(1, 1), length.si("abc")]), sum.s());
    expectTypeOf<RestOf<typeof header>>().toEqualTypeOf<[]>();
  });

  it("the type of a group has the results of its members, in order", () => {
    const pair = group([add.s(1), label.s("a")]);
    expectTypeOf<ResultOf<typeof pair>>().toEqualTypeOf<[number, string]>();
    expectTypeOf<ResultOf<ReturnType<typeof list>>>().toEqualTypeOf<number[]>();
    const list = () => group(numbers);
    const flat = group([pair, add.s(1)]);
    expectTypeOf<ResultOf<typeof flat>>().toEqualTypeOf<[number, string, number]>();
    const kept = group([group([add.s(1, 1), add.s(2, 2)], { policy: "settled" }), add.s(3, 3)]);
    expectTypeOf<ResultOf<typeof kept>>().toEqualTypeOf<[[number | FailedMember, number | FailedMember], number]>();
    const generated = group(
      (function* () {
        yield add.s(1, 2);
      })(),
    );
    expectTypeOf<ResultOf<typeof generated>>().toEqualTypeOf<number[]>();
  });

  it("a group that tolerates failures passes failed members on", () => {
    const settled = group(numbers, { policy: "settled" });
    expectTypeOf<ResultOf<typeof settled>>().toEqualTypeOf<(number | FailedMember)[]>();
    const pair = group([add.s(1, 2), label.s(1, "a")], { policy: { threshold: 1 } });
    expectTypeOf<ResultOf<typeof pair>>().toEqualTypeOf<[number | FailedMember, string | FailedMember]>();
    const generated = group(new Set(numbers), { policy: { percent: 5 } });
    expectTypeOf<ResultOf<typeof generated>>().toEqualTypeOf<(number | FailedMember)[]>();
    const computed = group(numbers, { policy: "settled" as FailurePolicy });
    expectTypeOf<ResultOf<typeof computed>>().toEqualTypeOf<(number | FailedMember)[]>();
    const optional = group(numbers, {} as GroupOptions);
    expectTypeOf<ResultOf<typeof optional>>().toEqualTypeOf<(number | FailedMember)[]>();
    for (const strict of [
      group(numbers, { policy: "failFast" }),
      group(numbers, { policy: "allSuccess" }),
      group(numbers, { tracking: "full" }),
    ])
      expectTypeOf<ResultOf<typeof strict>>().toEqualTypeOf<number[]>();
    const body = chord(settled, tolerant.s());
    expectTypeOf<ResultOf<typeof body>>().toEqualTypeOf<number>();
    expectTypeOf(chord(settled, noted.s())).toExtend<CanvasBuilder<boolean>>();
  });

  it("a step that does not take failed members does not compile after a group that tolerates failures", () => {
    const settled = group(numbers, { policy: "settled" });
    const wrong = [
      // @ts-expect-error the body of a chord takes numbers only
      () => chord(settled, sum.s()),
      // @ts-expect-error some members may fail
      () => chord(group(numbers, { policy: { threshold: 1 } }), sum.s()),
      // @ts-expect-error a share of the members may fail
      () => chain(group(numbers, { policy: { percent: 10 } }), sum.s()),
      // @ts-expect-error a chain
      () => chain(settled, sum.s()),
      // @ts-expect-error a pipe
      () => settled.pipe(sum.s()),
      // @ts-expect-error a member of the next group
      () => chain(settled, group([sum.s(), tolerant.s()])),
      // @ts-expect-error options keep the policy
      () => chord(settled.set({ priority: 3 }), sum.s()),
      // @ts-expect-error a group from an iterable
      () => chord(group(new Set(numbers), { policy: "settled" }), sum.s()),
      // @ts-expect-error a policy that is known at run time only
      () => chord(group(numbers, { policy: "settled" as FailurePolicy }), sum.s()),
      // @ts-expect-error an inner list may hold failed members
      () => chord([settled, settled], lists.s()),
      // @ts-expect-error not an option
      () => group(numbers, { policy: "settled", polic: 1 }),
    ];
    expectTypeOf(wrong).toBeArray();
  });

  it("a group passes on its list, and a group of one passes on its member's result", () => {
    const upgraded = chain(add.s(1, 2), group([add.s(1), add.s(2)]), sum.s());
    expectTypeOf<ResultOf<typeof upgraded>>().toEqualTypeOf<number>();
    const unrolled = chain(add.s(1, 2), group([add.s(1)]), add.s(2));
    expectTypeOf<ResultOf<typeof unrolled>>().toEqualTypeOf<number>();
    const piped = group([add.s(1, 2)]).pipe(sum.s());
    expectTypeOf<ResultOf<typeof piped>>().toEqualTypeOf<number>();
  });

  it("a chord needs what its header needs and returns what its body returns", () => {
    const needs = chord([add.s(1), add.s(2)], sum.s());
    expectTypeOf<RestOf<typeof needs>>().toEqualTypeOf<[number]>();
    expectTypeOf<ResultOf<typeof needs>>().toEqualTypeOf<number>();
    const both = chord(numbers, group([sum.s(), sum.s()]));
    expectTypeOf<ResultOf<typeof both>>().toEqualTypeOf<[number, number]>();
  });

  it("pipes, links and lists are typed alike", () => {
    const piped = add.s(2).pipe(label.s("a")).pipe(length.s());
    expectTypeOf<RestOf<typeof piped>>().toEqualTypeOf<[number]>();
    expectTypeOf<ResultOf<typeof piped>>().toEqualTypeOf<number>();
    expectTypeOf(add.s(1, 2).link(label.s("a")).linkError(onError.s()).linkError(trace.s())).toEqualTypeOf<
      TaskSignature<[], number>
    >();
    expectTypeOf<ResultOf<ReturnType<typeof length.map>>>().toEqualTypeOf<number[]>();
    expectTypeOf<typeof add.starmap>().parameter(0).toEqualTypeOf<Iterable<[x: number, y: number]>>();
    const chunks = add.chunks([[1, 2]], 10);
    expectTypeOf<ResultOf<typeof chunks>>().toEqualTypeOf<number[][]>();
    // @ts-expect-error texts are no numbers
    void (() => add.starmap([["a", "b"]]));
    // @ts-expect-error a list of lists into a list of numbers
    void (() => chain(chunks, sum.s()));
  });

  it("branches, loops and waits are typed alike", () => {
    const branch = chain(add.s(1, 2), when({ is: "gt", value: 3 }, label.s("a"), add.s(1)));
    expectTypeOf<ResultOf<typeof branch>>().toEqualTypeOf<string | number>();
    const halfWay = when({ is: "truthy" }, label.s("a", "b"));
    expectTypeOf<ResultOf<typeof halfWay>>().toEqualTypeOf<string | number>();
    const loop = chain(add.s(1, 2), repeat(add.s(1), { until: { is: "ge", value: 10 }, most: 20 }), label.s("a"));
    expectTypeOf<ResultOf<typeof loop>>().toEqualTypeOf<string>();
    const answered = chain(add.s(1, 2), approval<number>("go-on"), add.s(1), waitForEvent<string>("paid"), length.s());
    expectTypeOf<ResultOf<typeof answered>>().toEqualTypeOf<number>();
    // @ts-expect-error a text goes one of the ways, which takes a number
    void (() => chain(label.s(1, "a"), when({ is: "truthy" }, length.s(), add.s(1))));
    // @ts-expect-error the body's text is no number for its next time
    void (() => repeat(label.s("a", "b"), { until: { is: "truthy" }, most: 3 }));
    // @ts-expect-error the answer is a text
    void (() => chain(approval<string>("go-on"), add.s(1)));
  });

  it("data, and a task that leaves its value to its children, have no known type", () => {
    const data: Canvas = add.s(1, 2).canvas;
    expectTypeOf<ResultOf<typeof data>>().toEqualTypeOf<unknown>();
    const mixed = chain(data, length.s(), canvasFrom({ task: "add" }), add.s(1));
    expectTypeOf<ResultOf<typeof mixed>>().toEqualTypeOf<number>();
    const spawned = chain(spawner.s(1), sum.s());
    expectTypeOf<ResultOf<typeof spawned>>().toEqualTypeOf<number>();
    const many = [add.s(1, 2), add.s(3)];
    void (() => chain(...many));
  });
});
