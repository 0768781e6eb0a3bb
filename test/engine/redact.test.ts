import { describe, expect, it } from "vitest";
import { redacted, readRedact } from "../../functions/core/task/redact.ts";
import { approval, chain, defineTask } from "../../functions/sdk/index.ts";
import { startApi } from "../api/api.ts";

const connect = defineTask({
  name: "connect",
  redact: ["/kwargs/password", "/args/0/token"],
  run: (ctx, { token }: { user: string; token: string }) => token.length + (ctx.kwargs["password"] as string).length,
});
const draft = defineTask({ name: "draft", run: () => ({ title: "Q3" }) });

describe("what views show of the arguments of a run", () => {
  it("leaves secrets out; the task is given them", async () => {
    const { client, local } = startApi({ tasks: [connect] });
    const canvas = connect.signature([{ user: "ada", token: "t0ken" }], { password: "s3cret", host: "db" });
    const { jobId } = await client.submit(canvas);
    await local.untilQuiet();
    const [listed] = (await client.runs(jobId)).items;
    const runId = listed?.runId ?? "";
    const run = await client.run(runId);
    expect(run).toMatchObject({
      args: [{ user: "ada", token: "[redacted]" }],
      kwargs: { password: "[redacted]", host: "db" },
      value: 11,
    });
    expect(JSON.stringify(run)).not.toMatch(/t0ken|s3cret/);
  });
  it("names the run that an approval is about", async () => {
    const { client, local } = startApi({ tasks: [draft] });
    const { jobId } = await client.submit(chain(draft.s(), approval("publish")));
    for (let turn = 0; turn < 8; turn++) await local.turn();
    const [waiting] = (await client.runs(jobId, { status: "waiting" })).items;
    const { inputOf = "", wait } = await client.run(waiting?.runId ?? "");
    expect(wait).toMatchObject({ of: "approval", name: "publish" });
    expect(await client.run(inputOf)).toMatchObject({ task: "draft", value: { title: "Q3" } });
  });
});

describe("places of secrets", () => {
  const call = { args: [1, [{ a: "x" }]], kwargs: { "a/b": "y", list: ["z"] } };
  it.each([
    ["/args/0", { ...call, args: ["[redacted]", [{ a: "x" }]] }],
    ["/args/1/0/a", { ...call, args: [1, [{ a: "[redacted]" }]] }],
    ["/kwargs/a~1b", { ...call, kwargs: { ...call.kwargs, "a/b": "[redacted]" } }],
    ["/kwargs/list", { ...call, kwargs: { ...call.kwargs, list: "[redacted]" } }],
    ["/args/7", call],
    ["/kwargs/none/below", call],
    ["/args/0/below", call],
  ])("%s", (place, shown) => expect(redacted(call, [place])).toEqual(shown));
  it.each(["password", "/kwargs", "/args/x", "/value", ""])("%j is none", (place) =>
    expect(() => readRedact([place], "/redact")).toThrow(
      expect.objectContaining({ code: "invalid_request", details: { field: "/redact/0" } }),
    ),
  );
});
