import { describe, expect, it } from "vitest";
import { defineTask, chord, group, TaskError } from "../../functions/sdk/index.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import {
  Death,
  marksFirstLeaf,
  Outage,
  type PortCall,
  settled,
  untilExpanded,
  writesRun,
} from "../engine/scripted-faults.ts";

const WORKER = "local.default#worker";
const OTHER = "local.default#custom";
type Message = Awaited<ReturnType<LocalEngine["queue"]["receive"]>>[number];

/** A chord of two members and a body, and the message of each member. What ran is counted. */
class TwoMembers {
  /** Members in the order in which their function began. */
  readonly ran: number[] = [];
  /** What the body was given, each time it ran. */
  readonly bodies: unknown[] = [];
  /** How many attempts of each member fail. */
  readonly failing = new Map<number, number>();
  /** Members that wait for an event before they end. */
  readonly waiting = new Set<number>();
  /** Holds a member in the middle of its function. */
  held: Promise<void> | undefined;
  readonly #member = defineTask({
    name: "member",
    retry: { maxAttempts: 2, initialDelaySeconds: 1, jitter: 0 },
    run: async (ctx, index: number) => {
      this.ran.push(index);
      await this.held;
      if (this.waiting.has(index)) await ctx.waitForEvent("go");
      if (ctx.attempt <= (this.failing.get(index) ?? 0)) throw new TaskError("not yet");
      return index;
    },
  });
  readonly #body = defineTask({ name: "body", run: (_ctx, parts: unknown) => void this.bodies.push(parts) });
  readonly local = new LocalEngine(
    [this.#member, this.#body],
    { headerCacheMs: 0 },
    { queues: ["engine", WORKER, OTHER] },
  );
  jobId = "";
  #messages: Message[] = [];

  async start(queue: string): Promise<void> {
    const members = group([0, 1].map((index) => this.#member.s(index).stamp({ team: "blue" })));
    this.jobId = (
      await this.local.engine.submit({ canvas: chord(members, this.#body.s().set({ queue })).canvas })
    ).jobId;
    await untilExpanded(this.local, this.jobId);
    const received = await this.local.queue.receive([WORKER], 10, 30);
    this.#messages = [0, 1].map((index) => received.find(({ body }) => isOf(body, index)) as Message);
  }
  /** Handles the message of a member, here or in another process. Acknowledges nothing, and returns what was thrown. */
  deliver(index: number, engine = this.local.engine): Promise<unknown> {
    const handled = engine.handle(this.#receive(index), LocalEngine.loop);
    return this.local.passing(handled.catch((error: unknown) => error));
  }
  /** Handles the message of a member in a process that dies at the first matching call. Returns whether it did. */
  dies(index: number, matches: (call: PortCall) => boolean): Promise<boolean> {
    const death = new Death(matches);
    const { local } = this;
    const handled = local.over(local, death.around).handle(this.#receive(index), LocalEngine.loop);
    return local.passing(Promise.race([handled.then(() => false), death.died.then(() => true)]));
  }
  /** Returns the message of a member as its queue delivers it this time. */
  #receive(index: number): Message {
    const { receives, ...message } = this.#messages[index] as Message;
    this.#messages[index] = { ...message, receives: receives + 1 };
    return { ...message, receives };
  }
  /** Lets everything else happen, messages that were not acknowledged included. */
  async end() {
    await this.local.queue.releaseAll();
    await this.local.untilQuiet();
    return this.local.engine.job(this.jobId);
  }
  run(index: number) {
    return this.local.engine.run(`${this.jobId}.0.g.${index}`);
  }
}
const isOf = (body: unknown, index: number): boolean => (body as { readonly members: number[] }).members[0] === index;
async function two(queue = WORKER): Promise<TwoMembers> {
  const members = new TwoMembers();
  await members.start(queue);
  return members;
}
const FAILED = { message: Outage.message };
const WELL = { state: "success", counts: { success: 3 }, countsExact: true };

describe("a member of a chord", () => {
  it("D021 that failed for good does not count as one that ended well, and the body never runs", async () => {
    const members = await two();
    members.failing.set(0, 2);
    expect(await members.end()).toMatchObject({ state: "failure", counts: { success: 1, error: 1 } });
    expect(members.bodies).toEqual([]);
  });
  it("D023 D066 that fails and is tried again keeps its id, its place and its stamps, and counts once", async () => {
    const members = await two();
    members.failing.set(0, 1);
    await members.deliver(0);
    expect(await members.run(0)).toMatchObject({ status: "retrying", attempt: 1, stamps: { team: "blue" } });
    expect(await members.end()).toMatchObject(WELL);
    expect(await members.run(0)).toMatchObject({ index: 0, status: "success", attempt: 2, stamps: { team: "blue" } });
    expect([members.ran, members.bodies]).toEqual([[0, 1, 0], [[0, 1]]]);
  });
  it("D024 whose message is delivered twice counts once, so the body waits for the other one", async () => {
    const members = await two();
    for (let times = 0; times < 3; times++) await members.deliver(0);
    await members.local.engine.sweep({ all: true });
    while (await members.local.turn());
    expect([members.ran, members.bodies]).toEqual([[0], []]);
    expect(await members.end()).toMatchObject(WELL);
    expect([members.ran, members.bodies]).toEqual([[0, 1], [[0, 1]]]);
  });
  it("D025 that another worker holds is put off, and does not count", async () => {
    const members = await two();
    let release = (): void => undefined;
    members.held = new Promise((resolve) => (release = resolve));
    const holder = members.deliver(0);
    while (members.ran.length === 0) await settled();
    expect(await members.deliver(0, members.local.over(members.local))).toMatchObject({ kind: "later" });
    expect([await members.run(0), members.ran]).toMatchObject([{ status: "started" }, [0]]);
    release();
    await holder;
    expect(members.bodies).toEqual([]);
    expect(await members.end()).toMatchObject(WELL);
    expect([members.ran, members.bodies]).toEqual([[0, 1], [[0, 1]]]);
  });
  it("D025 that waits for an event does not count before it has come", async () => {
    const members = await two();
    members.waiting.add(0);
    await members.deliver(0);
    await members.deliver(1);
    await members.local.untilQuiet(300);
    expect(await members.run(0)).toMatchObject({ status: "deferred" });
    expect(members.bodies).toEqual([]);
    await members.local.engine.sendEvent(members.jobId, "go", null);
    expect(await members.end()).toMatchObject(WELL);
    expect(members.bodies).toEqual([[0, 1]]);
  });
});

describe("a worker that dies", () => {
  const makesSomething = ({ writes, messages }: PortCall): boolean => writes.length > 0 || messages.length > 0;
  it.each([
    ["D026 at any write of a member that is not the last", 0],
    ["D027 at any write of the last member, up to the start of the body", 1],
  ])("%s counts that member once, and gives the body both values", async (_title, dying) => {
    let dead = true;
    let writes = 0;
    for (; dead; writes++) {
      const members = await two();
      if (dying === 1) await members.deliver(0);
      let left = writes;
      dead = await members.dies(dying, (call) => makesSomething(call) && left-- === 0);
      members.local.clock.advance(70_000);
      expect(await members.end(), `a death at write ${writes}`).toMatchObject(WELL);
      expect(members.bodies.at(-1)).toEqual([0, 1]);
    }
    expect(writes).toBeGreaterThan(3);
  });
  it.each([
    ["D026 when a member has ended and before it is counted", 0],
    ["D027 when the last member is counted and before the body starts", 1],
  ])("%s repeats neither that member nor the body", async (_title, dying) => {
    const members = await two();
    if (dying === 1) await members.deliver(0);
    const { jobId } = members;
    expect(await members.dies(dying, dying === 0 ? marksFirstLeaf(`${jobId}.0.g`) : writesRun(`${jobId}.0~1`))).toBe(
      true,
    );
    expect(await members.run(dying)).toMatchObject({ status: "success" });
    expect(members.bodies).toEqual([]);
    expect(await members.end()).toMatchObject(WELL);
    expect([members.ran, members.bodies]).toEqual([[0, 1], [[0, 1]]]);
  });
});

describe("the body of a chord", () => {
  it.each([
    ["D028 that its worker starts itself", WORKER],
    ["D028 whose message goes to another queue", OTHER],
  ])("%s is started when the message of the last member comes again", async (_title, queue) => {
    const members = await two(queue);
    await members.deliver(0);
    const body = writesRun(`${members.jobId}.0~1`);
    const outage = new Outage((call) =>
      queue === WORKER ? body(call) : call.messages.some((sent) => sent.queue === queue),
    );
    expect(await members.deliver(1, members.local.over(members.local, outage.around))).toMatchObject(FAILED);
    expect(members.bodies).toEqual([]);
    expect(await members.end()).toMatchObject(WELL);
    expect([members.ran, members.bodies]).toEqual([[0, 1], [[0, 1]]]);
  });
  it("D030 starts once, however often the message of the last member is delivered", async () => {
    const members = await two();
    await members.deliver(0);
    for (let times = 0; times < 3; times++) await members.deliver(1);
    expect(await members.end()).toMatchObject(WELL);
    for (let times = 0; times < 3; times++) await members.deliver(1);
    await members.local.engine.sweep({ all: true });
    expect(await members.end()).toMatchObject(WELL);
    expect([members.ran, members.bodies]).toEqual([[0, 1], [[0, 1]]]);
  });
});
