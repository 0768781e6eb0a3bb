import { afterEach, describe, expect, it } from "vitest";
import { setLineSink } from "../../functions/sdk/console-capture.ts";
import { defineTask, group } from "../../functions/sdk/index.ts";
import { runTask, TestEngine } from "../../functions/testing/index.ts";
import { refusalOf } from "../core/refusal.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** A library that writes to a stream, as loggers do. */
const library = { say: (text: string) => void process.stdout.write(`${text}\nand more\n`) };
const chatty = defineTask({
  name: "chatty",
  logs: "console",
  run: async (ctx, who: string) => {
    console.log("%s has %d", who, 3, { a: 1 });
    await pause(1);
    console.error(`late ${who}`);
    library.say(who);
    ctx.log.debug(`ctx ${who}`, { k: 1 });
    return who;
  },
});
const lines = (logs: readonly { readonly level: string; readonly message: string }[]): string[] =>
  logs.map(({ level, message }) => `${level} ${message}`);
const linesOf = (who: string): string[] => [
  `info ${who} has 3 { a: 1 }`,
  `error late ${who}`,
  `info ${who}`,
  "info and more",
  `debug ctx ${who}`,
];
afterEach(() => setLineSink(undefined));

describe("logs", () => {
  it("S080 have what the code of a run and its libraries print, when the task asks for it", async () => {
    expect(lines((await runTask(chatty, ["Ada"])).logs)).toEqual(linesOf("Ada"));
  });
  it("have the lines of their own run, though others print meanwhile", async () => {
    const engine = new TestEngine({ tasks: { chatty } });
    await engine.run(group([chatty.s("Ada"), chatty.s("Grace")]));
    expect(engine.attempts.map(({ args, logs }) => [args[0], lines(logs)])).toEqual(
      ["Ada", "Grace"].map((who) => [who, linesOf(who)]),
    );
  });
  it("have what a streaming task prints between its items", async () => {
    const streaming = defineTask({
      name: "streaming",
      logs: "console",
      run: async function* () {
        console.info("before");
        yield chatty.s("Ada");
        console.info("after");
      },
    });
    const engine = new TestEngine({ tasks: { chatty, streaming } });
    await engine.run(streaming.s());
    expect(lines(engine.attemptsOf(streaming)[0]?.logs ?? [])).toEqual(["info before", "info after"]);
  });
  it("have only what is given to ctx.log by default", async () => {
    const quiet = defineTask({
      name: "quiet",
      run: (ctx) => {
        console.log("to the terminal");
        ctx.log.info("to the log");
      },
    });
    const engine = new TestEngine({ tasks: { quiet, chatty } });
    await engine.run(quiet.s());
    expect(lines(engine.attempts[0]?.logs ?? [])).toEqual(["info to the log"]);
  });
  it("keep lines from a level on", async () => {
    const terse = defineTask({
      name: "terse",
      logs: "console",
      logLevel: "warn",
      run: (ctx) => {
        console.log("no");
        ctx.log.info("no");
        ctx.log.warn("yes");
        console.error("yes");
      },
    });
    const seen: string[] = [];
    setLineSink((level, message) => seen.push(`${level} ${message}`));
    expect(lines((await runTask(terse)).logs)).toEqual(["warn yes", "error yes"]);
    expect(seen).toEqual(["warn yes", "error yes"]);
  });
  it("go to a sink with the ids of their run, in place of the output of the process", async () => {
    const seen: unknown[] = [];
    setLineSink((level, message, { task, runId, attempt }, fields) => {
      console.log("what the sink prints is not captured");
      seen.push([level, message, task, runId, attempt, fields]);
    });
    const { logs } = await runTask(chatty, ["Ada"], { runId: "j.1", attempt: 2 });
    expect(lines(logs)).toEqual(linesOf("Ada"));
    expect(seen).toHaveLength(5);
    expect(seen[0]).toEqual(["info", "Ada has 3 { a: 1 }", "chatty", "j.1", 2, undefined]);
    expect(seen[4]).toEqual(["debug", "ctx Ada", "chatty", "j.1", 2, { k: 1 }]);
  });
  it("refuse settings that mean nothing", () => {
    const wrong = (settings: object) => refusalOf(() => defineTask({ name: "t", run: () => [], ...settings } as never));
    expect(wrong({ logs: "all" })).toMatchObject({ details: { field: "/logs" } });
    expect(wrong({ logs: "console", bulk: {} })).toMatchObject({ details: { field: "/logs" } });
    expect(wrong({ logLevel: "trace" })).toMatchObject({ details: { field: "/logLevel" } });
  });
});
