import { describe, expect, it } from "vitest";
import { canvasFrom, chain, defineTask, signature } from "../../functions/sdk/index.ts";
import { refusalOf } from "../core/refusal.ts";
import { LocalEngine } from "../engine/local-engine.ts";

const greet = defineTask({
  name: "greet",
  run: ({ kwargs: { word = null } }, name: string) => (typeof word === "string" ? `${word} ${name}` : name),
});

describe("a signature by name", () => {
  it("is the one that the task makes", () => {
    const parts = { args: ["Ada"], kwargs: { word: "Hello" }, options: { queue: "fast" }, immutable: true };
    const { args, kwargs, options, immutable } = parts;
    expect(signature("greet", parts).toJSON()).toEqual(
      greet.signature(["Ada"], kwargs, { ...options, immutable }).toJSON(),
    );
    expect(args).toEqual(["Ada"]);
    expect(signature("greet").toJSON()).toEqual({ v: 1, task: "greet" });
    expect(canvasFrom(signature("greet", parts).toJSON()).toJSON()).toEqual(signature("greet", parts).toJSON());
  });
  it("runs where the task is, in a chain with others", async () => {
    const local = new LocalEngine([greet]);
    const canvas = chain(greet.signature(["Ada"], { word: "Dear" }), signature("greet", { kwargs: { word: "To:" } }));
    const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: "To: Dear Ada" });
  });
  it("of a task that is not registered is refused when it is submitted", async () => {
    const { canvas } = chain(greet.s("Ada"), signature("greeet"));
    await expect(new LocalEngine([greet]).engine.submit({ canvas })).rejects.toMatchObject({
      code: "unknown_task",
      details: { task: "greeet" },
    });
  });
  it.each<[string, () => unknown, string]>([
    ["an empty name", () => signature(""), "/task"],
    ["a name with white space", () => signature("a b"), "/task"],
    ["no name", () => signature(undefined as never), "/task"],
    ["a part that it has not", () => signature("t", { arguments: [] } as never), "/arguments"],
    ["arguments that are not JSON", () => signature("t", { args: [1n] }), "/args/0"],
    ["an option that there is not", () => signature("t", { options: { colour: 1 } as never }), "/options/colour"],
  ])("refuses %s", (_title, make, field) => expect(refusalOf(make)).toMatchObject({ field }));
  it("cannot run inline, where only its name is known", async () =>
    expect(signature("greet")()).rejects.toMatchObject({ code: "engine_unavailable" }));
});
