import { describe, expect, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { chain, defineStateMachineTask, defineTask } from "../../functions/sdk/index.ts";
import { errorOf, runTask } from "./calls.ts";

const encode = defineStateMachineTask<[video: string], { seconds: number }>({
  name: "video.encode",
  stateMachine: "encode-video",
  timeout: 3_600,
  input: (ctx, video) => ({ video, job: ctx.jobId }),
});

describe("a state machine as a task", () => {
  it("a state machine task makes the input of its execution", async () => {
    expect(await runTask(encode, ["a.mp4"])).toEqual({
      kind: "execution",
      machine: "encode-video",
      input: { video: "a.mp4", job: "J" },
    });
    const plain = defineStateMachineTask({
      name: "plain",
      stateMachine: "arn:aws:states:eu-west-1:123456789012:stateMachine:plain",
    });
    expect(await runTask(plain, [1, "b"], { kwargs: { dry: true } })).toMatchObject({
      kind: "execution",
      input: { args: [1, "b"], kwargs: { dry: true } },
    });
  });

  it("a state machine task is used like any task, and typed by its output", () => {
    const next = defineTask({ name: "next", run: (_ctx, made: { seconds: number }) => made.seconds });
    expectTypeOf(chain(encode.s("a.mp4"), next.s()).canvas).toBeObject();
    // @ts-expect-error: the video is missing
    encode.si();
    expect(encode.info).toMatchObject({
      name: "video.encode",
      stateMachine: { name: "encode-video", timeoutSeconds: 3_600 },
      timeoutSeconds: 900,
    });
  });

  it("a state machine task checks its keyword arguments before each attempt", async () => {
    const strict = defineStateMachineTask({
      name: "strict",
      stateMachine: "m",
      kwargs: z.object({ level: z.int() }),
      input: (ctx) => ctx.kwargs.level,
    });
    expect(await runTask(strict, [], { kwargs: { level: 3 } })).toMatchObject({ input: 3 });
    expect(errorOf(await runTask(strict, [], { kwargs: { level: "3" } })).retryable).toBe(false);
  });

  it("a state machine task fails like other tasks when its input throws, is not JSON or is too large", async () => {
    const input = (given: () => unknown) =>
      runTask(defineStateMachineTask({ name: "t", stateMachine: "m", input: given }));
    const thrown = await input(() => {
      throw new RangeError("no");
    });
    expect(errorOf(thrown)).toMatchObject({ name: "RangeError", message: "no" });
    expect(errorOf(await input(() => new Date())).reason).toBe("invalid_json");
    expect(errorOf(await input(() => "x".repeat(300_000))).reason).toBe("payload_too_large");
  });

  it("a state machine task cannot be mapped over items and cannot run inline", async () => {
    expect(errorOf(await runTask(encode, [["a"]], { each: "map" })).reason).toBe("invalid_request");
    await expect(encode.inline("a")).rejects.toMatchObject({ code: "engine_unavailable" });
  });

  it("a state machine task refuses a malformed machine and a malformed timeout", () => {
    for (const stateMachine of ["", "a b", "arn:aws:lambda:eu-west-1:123456789012:function:f", "x".repeat(81)]) {
      expect(() => defineStateMachineTask({ name: "t", stateMachine })).toThrow(
        expect.objectContaining({ details: { field: "/stateMachine" } }),
      );
    }
    expect(() => defineStateMachineTask({ name: "t", stateMachine: "m", timeout: 0 })).toThrow(
      expect.objectContaining({ details: { field: "/timeout" } }),
    );
  });
});
