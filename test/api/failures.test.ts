import { describe, expect, it } from "vitest";
import type { DeadLetter, FailureGroup } from "../../functions/client/index.ts";
import type { DeadLetterView, FailureGroup as EngineGroup } from "../../functions/engine/contract.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { type Api, startApi } from "./api.ts";

const QUEUE = "local.default#worker";
/** Hands the engine a message that nobody understands. */
async function giveUp({ local }: Api, body: string, queue = QUEUE): Promise<void> {
  await local.engine.handle({ queue, body, receives: 1 }, LocalEngine.loop);
}

describe("GET /failures", () => {
  it("GET /failures groups failures, and takes task, reason and since", async () => {
    const api = startApi();
    const failing = { task: "fail", kwargs: { retryable: false, message: "no luck" } };
    await api.client.submitWire({ group: [failing, failing] });
    await api.local.untilQuiet();
    const found: FailureGroup = {
      task: "fail",
      reason: "example",
      count: 2,
      firstAt: expect.any(Number) as number,
      lastAt: expect.any(Number) as number,
      error: { name: "TaskError", message: "no luck" },
      runIds: [expect.any(String) as string, expect.any(String) as string],
    };
    const view: EngineGroup = found;
    expect(await api.client.failures()).toEqual({ items: [view] });
    expect(await api.client.failures({ task: "fail", reason: "example", since: 0 })).toEqual({ items: [found] });
    expect(await api.client.failures({ reason: "other" })).toEqual({ items: [] });
    expect(await api.client.failures({ since: api.local.clock.now() + 1 })).toEqual({ items: [] });
  });
  it.each(["/failures?since=yesterday", "/failures?limit=101", "/failures?tsak=x"])(
    "GET %s is refused",
    async (path) => {
      const response = await startApi().ask("GET", path);
      expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_request" }]);
    },
  );
});

describe("dead letters over HTTP", () => {
  it("D081 dead letters are listed, read, counted, sent again and removed", async () => {
    const api = startApi();
    await giveUp(api, "one");
    await giveUp(api, "two", "local.default#custom");
    const { items } = await api.client.deadLetters({ queue: QUEUE });
    expect(items).toMatchObject([{ body: "one", reason: "not_understood", redrives: 0, queue: QUEUE }]);
    const [letter] = items as [DeadLetter];
    const view: DeadLetterView = letter;
    expect(await api.client.deadLetter(view.id)).toEqual(letter);
    const dry = await api.client.redriveDeadLetters({ dryRun: true });
    expect([dry.letters, (await api.client.deadLetters()).items.length]).toEqual([2, 2]);
    expect(await api.client.redriveDeadLetters({ id: letter.id })).toEqual({
      letters: 1,
      kinds: [{ queue: QUEUE, reason: "not_understood", count: 1 }],
      ended: 0,
      refused: 0,
    });
    expect(await api.local.queue.depth(QUEUE)).toMatchObject({ ready: 1 });
    expect(await api.client.purgeDeadLetters({ reason: "not_understood" })).toMatchObject({ letters: 1 });
    expect(await api.client.deadLetters()).toEqual({ items: [] });
  });
  it("a dead letter that is not there has a code that says so", async () => {
    const api = startApi();
    await expect(api.client.deadLetter("00000000000001-0000")).rejects.toMatchObject({ code: "dead_letter_not_found" });
    await expect(api.client.purgeDeadLetters({ id: "x" })).rejects.toMatchObject({ code: "dead_letter_not_found" });
    const response = await api.ask("GET", "/dead-letters/x");
    expect(response.status).toBe(404);
  });
  it.each([
    ["an unknown reason", { reason: "old" }, "/reason"],
    ["a limit above 500", { limit: 501 }, "/limit"],
    ["a field that does not exist", { dry_run: true }, "/dry_run"],
  ])("a redrive and a purge with %s are refused, and nothing is touched", async (_what, json, field) => {
    const api = startApi();
    await giveUp(api, "one");
    for (const what of ["redrive", "purge"]) {
      const response = await api.ask("POST", `/dead-letters/${what}`, { json });
      expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_request", field }]);
    }
    expect((await api.client.deadLetters()).items).toHaveLength(1);
  });
  it("a redrive without a body takes all dead letters", async () => {
    const api = startApi();
    await giveUp(api, "one");
    const response = await api.ask("POST", "/dead-letters/redrive");
    expect(await response.json()).toMatchObject({ letters: 1 });
  });
});
