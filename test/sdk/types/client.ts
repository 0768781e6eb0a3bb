import { chain, group, type Json } from "fanfold";
import { createClient, type Job } from "fanfold/client";
import { startFanfold } from "fanfold/embedded";
import { TestEngine } from "fanfold/testing";
import * as tasks from "./tasks.ts";
import { add, label, length, nightly, squares, stamp } from "./tasks.ts";

const client = createClient({ url: "http://127.0.0.1:7420" });
const named = createClient<typeof tasks>({ url: "http://127.0.0.1:7420" });
/** Compiles only for the very type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_is: Same<A, B>): void => undefined;

export async function rightUses(): Promise<void> {
  const job = await client.start(squares, { n: 3 });
  same<Awaited<ReturnType<typeof job.result>>, number>(true);
  for await (const { state } of job.watch()) console.log(state);
  same<Awaited<ReturnType<typeof job.wait>>, Job>(true);
  const night = await client.run(nightly);
  same<typeof night, string>(true);
  const byName = await named.start("squares", { n: 3, offset: 1 }, { idempotencyKey: "k", timeoutSeconds: 60 });
  same<Awaited<ReturnType<typeof byName.result>>, number>(true);
  const ran = await named.run("nightly", {});
  same<typeof ran, string>(true);
  const loose = await client.run("anything", { a: 1 });
  same<typeof loose, Json>(true);
  const five = await client.run(add.s(2, 3));
  same<typeof five, number>(true);
  const pair = await client.run(group([add.s(1, 2), label.s(1, "a")]));
  same<typeof pair, [number, string]>(true);
  const stamped = await client.run(stamp.s("a"));
  same<typeof stamped, { text: string; at: string }>(true);
  const submitted = await client.submit(chain(add.s(1, 2), label.s("n")));
  same<Awaited<ReturnType<typeof submitted.result>>, string>(true);
  await client.submit(add.s(1, 2).canvas);
  await add.s(1, 2).submit({ idempotencyKey: "k" });
  for await (const { jobId } of client.jobs({ state: "failure" })) console.log(jobId);
  for await (const run of job.failures()) console.log(run.error?.message);
  console.log((await client.jobs()).cursor, (await client.run("01J.0")).status, squares.canvas({ n: 2 }).canvas.kind);
  const fanfold = await startFanfold({ tasks, data: ".data" });
  same<Awaited<ReturnType<typeof embedded>>, number>(true);
  const embedded = () => fanfold.run("squares", { n: 3 });
}

export const wrongUses = [
  // refused: Type 'string' is not assignable to type 'number'
  () => client.start(squares, { n: "3" }),

  // refused: Property 'n' is missing
  () => client.start(squares, { offset: 1 }),

  // refused: Expected 2-3 arguments, but got 1
  () => client.start(squares),

  // refused: 'ofset' does not exist in type
  () => client.start(squares, { n: 1, ofset: 2 }),

  // refused: 'idempotencykey' does not exist in type
  () => client.start(squares, { n: 1 }, { idempotencykey: "k" }),

  // refused: Type 'string' is not assignable to type 'number'
  () => client.start(squares, { n: 1 }, { timeoutSeconds: "60" }),

  // refused: '"square"' is not assignable to parameter of type
  () => named.start("square", { n: 1 }),

  // refused: Type 'string' is not assignable to type 'number'
  () => named.start("squares", { n: "1" }),

  // refused: '"sqares"' is not assignable to parameter of type
  () => named.run("sqares", { n: 1 }),

  // refused: arguments are missing: give them to .s(..) or .clone([..]), or start it with .delay(..)
  () => client.submit(add.s(1)),

  // refused: arguments are missing
  () => client.submit(chain(add.s(1), label.s("a"))),

  // refused: arguments are missing
  () => client.submit(group([length.s(), length.s("a")])),

  // refused: arguments are missing
  () => client.run(add.s(1)),

  // refused: arguments are missing
  () => add.s(1).submit(),

  // refused: arguments are missing
  () => add.s(1).submit({ idempotencyKey: "k" }),

  // refused: arguments are missing
  () => chain(label.s("a"), length.s()).submit(),

  // refused: this is a task, not a signature: write task.s(..)
  () => client.submit(add),

  // refused: this is a task, not a signature: write task.s(..)
  () => client.run(add),

  // refused: 'url' is missing
  () => createClient({}),

  // refused: 'profil' does not exist in type
  () => createClient({ url: "https://api", aws: { profil: "prod" } }),

  // refused: Type '"failed"' is not assignable to type
  () => client.jobs({ state: "failed" }),

  // refused: Type '"failure"' is not assignable to type
  () => client.runs("01J", { status: "failure" }),

  // refused: Property 'value' does not exist on type 'StartedJob
  async () => (await client.start(squares, { n: 1 })).value,

  // refused: Type 'number' is not assignable to type 'string'
  async (): Promise<string> => client.run(squares, { n: 1 }),

  // refused: Property 'getTime' does not exist on type 'string'
  async () => (await client.run(stamp.s("a"))).at.getTime(),

  // refused: Type 'string' is not assignable to type 'number'
  () => squares.canvas({ n: "2" }),

  // refused: Type 'Date' is not assignable to type 'number'
  () => client.failures({ since: new Date() }),

  // refused: arguments are missing
  async () => (await startFanfold({ tasks, data: "d" })).run(add.s(1)),

  // refused: '"sqares"' is not assignable to parameter of type
  async () => (await startFanfold({ tasks, data: "d" })).start("sqares", { n: 1 }),

  // refused: Type 'string' is not assignable to type 'number'
  () => new TestEngine({ tasks }).run(squares, { n: "1" }),

  // refused: arguments are missing
  () => new TestEngine({ tasks }).run(add.s(1)),
];
