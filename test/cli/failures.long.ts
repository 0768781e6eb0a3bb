import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SystemClock } from "../../functions/host/system-clock.ts";
import { openHost } from "../../functions/embedded/engine-host.ts";
import { EMBEDDED_CONFIG } from "../../functions/embedded/settings.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { fanfold, jsonLines, newFolder } from "./cli.ts";

const tasksModule = fileURLToPath(new URL("../../functions/tasks/examples.ts", import.meta.url));

/** Returns a data folder with dead letters of two queues. */
async function folderWithLetters(): Promise<string> {
  const dataFolder = newFolder();
  const host = await openHost({
    dataFolder,
    tasksModule,
    durability: "process",
    engine: EMBEDDED_CONFIG,
    holder: "test",
    clock: new SystemClock(),
    onSend: () => undefined,
    onUnwritable: () => undefined,
    log: () => undefined,
  });
  for (const [queue, body] of [
    ["local.default#worker", "one"],
    ["local.default#worker", "two"],
    ["local.other#custom", "three"],
  ] as const)
    await host.engine.handle({ queue, body, receives: 1 }, LocalEngine.loop);
  await host.close();
  return dataFolder;
}
const count = async (data: string): Promise<number> => {
  const [page] = jsonLines<{ items: unknown[] }>((await fanfold(["dead-letters", "--data", data, "--json"])).stdout);
  return page?.items.length ?? -1;
};

describe("fanfold failures", () => {
  it("fanfold failures shows what failed, how often and where", { timeout: 60_000 }, async () => {
    const data = newFolder();
    const canvas = JSON.stringify({ group: [1, 2].map(() => ({ task: "fail", kwargs: { message: "no luck" } })) });
    await fanfold(["run", "-", "--data", data], canvas);
    const shown = await fanfold(["failures", "--since", "1h", "--data", data]);
    expect(shown.stdout).toMatch(/TASK +REASON +COUNT.*\nfail +example +2 .* TaskError: no luck/);
    const none = await fanfold(["failures", "--task", "noop", "--data", data, "--json"]);
    expect(jsonLines(none.stdout)).toEqual([{ items: [] }]);
  });
});

describe("fanfold dead-letters", () => {
  it("fanfold dead-letters lists and shows them, and a dry run changes nothing", { timeout: 120_000 }, async () => {
    const data = await folderWithLetters();
    const listed = await fanfold(["dead-letters", "--queue", "local.other#custom", "--data", data]);
    const [, id = ""] = /\n(\S+) .* local\.other#custom +not_understood/.exec(listed.stdout) ?? [];
    const shown = await fanfold(["dead-letters", "show", id, "--data", data]);
    expect(shown.stdout).toMatch(/^letter +.*\n[^]*message +"three"\n$/);
    const dry = await fanfold(["dead-letters", "purge", "--dry-run", "--data", data]);
    expect(dry.stdout).toMatch(/QUEUE +REASON +TASK +COUNT\n/);
    expect(dry.stdout).toMatch(/local\.default#worker +not_understood +- +2\n/);
    expect(await count(data)).toBe(3);
  });
  it("a purge asks, and only a yes removes", { timeout: 120_000 }, async () => {
    const data = await folderWithLetters();
    const purge = ["dead-letters", "purge", "--queue", "local.default#worker", "--data", data];
    for (const answer of ["n\n", ""]) {
      const refused = await fanfold(purge, answer);
      expect(refused.stderr).toContain("remove 2 dead letters for good? [y/N]");
      expect([refused.code, await count(data)]).toEqual([1, 3]);
    }
    const agreed = await fanfold(purge, "y\n");
    expect([agreed.code, agreed.stderr]).toEqual([0, expect.stringContaining("removed: 2") as string]);
    const rest = await fanfold(["dead-letters", "redrive", "--yes", "--data", data, "--json"]);
    expect(jsonLines(rest.stdout)).toMatchObject([{ letters: 1 }]);
    expect(rest.stderr).not.toContain("[y/N]");
    expect(await count(data)).toBe(0);
  });
});
