import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { queueShares } from "../functions/embedded/queue-shares.ts";
import { queueThreads } from "../functions/embedded/runtime-settings.ts";
import { PAUSE_KINDS } from "../functions/core/pause.ts";
import { bandOf } from "../functions/core/plan/priority-band.ts";
import { defineConfig, type FanfoldConfig, type Settings, type SiteConfig } from "../functions/sdk/config.ts";
import { defineTask, group, type Task, TaskBroken } from "../functions/sdk/index.ts";
import { DEFAULT_BULK } from "../functions/core/task/bulk.ts";
import { TestEngine } from "../functions/testing/index.ts";
import { bandedQueuesOf, capsOf, parkedSitesOf } from "../functions/sdk/queue-settings.ts";
import { startApi } from "./api/api.ts";

/** Runs the examples of docs/guide-flow.md. */
const guide = readFileSync(new URL("../docs/guide-flow.md", import.meta.url), "utf8");
const [shares = "", capped = "", banded = "", bulk = "", parked = "", program = ""] = [
  ...guide.matchAll(/^```ts[^\n]*\n([\s\S]*?)^```$/gm),
].map(([, code = ""]) => code);
const AsyncFunction = (async () => undefined).constructor as new (
  ...parameters: string[]
) => (...given: unknown[]) => Promise<unknown>;

describe("docs/guide-flow.md", () => {
  it("shares slots as it says", async () => {
    const read = new AsyncFunction("defineConfig", `${shares.replace("export const config =", "return")}`);
    const found = queueShares(queueThreads((await read(defineConfig)) as Settings));
    expect(["video", "mail"].map((queue) => found.threadsOf(`london.${queue}#worker`))).toEqual([4, 20]);
    expect(["video", "mail"].map((queue) => found.weightOf(`london.${queue}#worker`))).toEqual([1, 3]);
  });
  it("gives queues caps as it says", async () => {
    const read = new AsyncFunction("defineConfig", `${capped.replace("export const config =", "return")}`);
    expect(capsOf((await read(defineConfig)) as Settings)).toEqual({
      "london.default#worker": 1_000,
      "london.mail#worker": 1_000,
      "london.video#worker": 200,
    });
  });
  it("gives bands queues of their own as it says", async () => {
    const { queues } = (await new AsyncFunction(`return ({ ${banded} })`)()) as { queues: SiteConfig["queues"] };
    const sites = [{ name: "london", ...(queues && { queues }) }];
    const settings = defineConfig({ site: "london", concurrency: 10, jobTimeoutDays: 1, retentionDays: 1, sites });
    expect(bandedQueuesOf(settings)).toEqual(["london.video#worker"]);
  });
  it("lets runs share a call as it says", async () => {
    const ids: string[][] = [];
    const noted: string[] = [];
    const search = {
      add: async (given: string[]) => {
        ids.push(given);
        return new Set(given.filter((id) => id === "bad"));
      },
      setRefresh: (on: boolean) => void noted.push(`refresh ${on}`),
    };
    const code = bulk.replace("export const index =", "return").replace(": readonly BulkRun<[id: string]>[]", "");
    const define = new AsyncFunction("defineTask", "search", "TaskBroken", code);
    const index = (await define(defineTask, search, TaskBroken)) as Task<[string]>;
    expect(index.info.bulk).toEqual({ ...DEFAULT_BULK, passes: true });
    const engine = new TestEngine({ tasks: { index } });
    const jobId = await engine.submit(group(["a", "bad", "c"].map((id) => index.s(id))));
    await engine.settle(jobId);
    await engine.advance(60);
    expect(ids.map((each) => each.toSorted())).toEqual([["a", "bad", "c"]]);
    expect(noted).toEqual(["refresh false", "refresh true"]);
    expect(await engine.job(jobId)).toMatchObject({ counts: { success: 2, broken: 1 } });
  });
  it("folds priorities into bands as it says", () => {
    const rows = [...guide.matchAll(/^\| (.*) \| (High|Middle|Low) \|$/gm)].map(([, text = "", band = ""]) => {
      const [from, to] = (text.match(/\d/g) ?? []).map(Number) as [number, number];
      return Array.from({ length: to - from + 1 }, (_, k) => [["Low", "Middle", "High"][bandOf(from + k)], band]);
    });
    expect(rows.flat()).toHaveLength(10);
    for (const [folded, said] of rows.flat()) expect(folded).toBe(said);
  });
  it("switches a site off as it says", async () => {
    const read = new AsyncFunction(`return ({ ${parked} }).sites`);
    const sites = (await read()) as NonNullable<FanfoldConfig["sites"]>;
    const settings = defineConfig({ site: "london", concurrency: 10, jobTimeoutDays: 1, retentionDays: 1, sites });
    expect(parkedSitesOf(settings)).toEqual(["paris"]);
  });
  it("pauses from a program as it says", async () => {
    const calls = program.trim().split("\n");
    const { client } = startApi();
    const results: unknown[] = [];
    for (const call of calls)
      results.push(await new AsyncFunction("client", `return ${call.split(" // ")[0]}`)(client));
    const [, listed] = /\/\/ (\[.*\])$/m.exec(program) ?? [];
    const [wanted] = (await new AsyncFunction(`return ${listed ?? ""}`)()) as [object];
    expect(results[1]).toMatchObject([wanted]);
  });
  it("names every kind of pause in an example", () =>
    expect(new Set([...guide.matchAll(/^ {4}fanfold pause (\w+) /gm)].map(([, kind]) => kind))).toEqual(
      new Set(PAUSE_KINDS),
    ));
});
