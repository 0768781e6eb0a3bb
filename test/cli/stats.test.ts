import { describe, expect, it } from "vitest";
import { statsLines } from "../../cli/commands/stats.ts";
import type { Context } from "../../cli/command.ts";
import { formatRate, formatShare } from "../../cli/format.ts";
import { plain, type Terminal } from "../../cli/terminal.ts";
import { type Listed, printList } from "../../cli/watch-list.ts";
import { fanfold, jsonLines, newFolder, start } from "./cli.ts";

describe("fanfold stats and sites", () => {
  it(
    "S137 show what tasks have done, also after the command that ran them has ended",
    { timeout: 90_000 },
    async () => {
      const data = newFolder();
      const ran = await fanfold(["run", "example.sum-of-sums", "-f", "n=5", "--data", data]);
      expect(ran.code).toBe(0);
      const shown = (await fanfold(["stats", "--data", data])).stdout;
      expect(shown).toMatch(/^TASK +5 MIN +MEAN +BUSY +GOOD +TOTAL +MEAN +GOOD +FAILED +CANCELLED +RETRIED +KILLED/);
      expect(shown).toMatch(/^math\.add .* 100 % +5 /m);
      const [page] = jsonLines<{ items: { task: string }[] }>(
        (await fanfold(["stats", "--task", "math.sum", "--json", "--data", data])).stdout,
      );
      expect(page!.items.map(({ task }) => task)).toEqual(["math.sum"]);
      const sites = await fanfold(["sites", "--watch", "--data", data]);
      expect([sites.code, sites.stdout]).toEqual([0, expect.stringMatching(/^SITE .*\nlocal +1 +[12] .* open +on\n$/)]);
      const missing = await fanfold(["stats", "--job", "nobody", "--data", data]);
      expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("no job begins with nobody")]);
    },
  );
  it("with --watch and --json go on line by line until they are interrupted", { timeout: 60_000 }, async () => {
    const watching = start(["queues", "--watch", "--json", "--data", newFolder()]);
    let lines = 0;
    await watching.line("stdout", () => ++lines >= 3);
    watching.child.kill("SIGINT");
    expect((await watching.ended).code).toBe(130);
  });
  it("refuse to watch an action that is done once", { timeout: 60_000 }, async () => {
    const wrong = await fanfold(["schedules", "show", "nightly", "--watch", "--data", newFolder()]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--watch")]);
  });
});

/** A screen of so many rows, or no screen, that notes what is printed. */
function screen(rows: number | undefined, json = false) {
  const printed: string[] = [];
  const said: string[] = [];
  const print = async (text: string): Promise<void> => void printed.push(text);
  const terminal: Terminal = {
    json,
    paint: plain,
    paintStatus: plain,
    live: true,
    columns: () => 20,
    rows: () => rows,
    print,
    printJson: (value) => print(`${JSON.stringify(value)}\n`),
    say: (text) => void said.push(text),
    draw: () => undefined,
  };
  return { terminal, printed, said };
}
async function watch(terminal: Terminal, lists: readonly Listed[]): Promise<number> {
  const stop = new AbortController();
  const context: Context = { terminal, interrupted: stop.signal };
  let reads = 0;
  return printList(context, { watch: true }, async () => {
    const listed = lists[reads++] as Listed;
    if (reads === lists.length) stop.abort(Object.assign(new Error("stop"), { exitCode: 130 }));
    return listed;
  });
}
const listOf = (...lines: string[]): Listed => ({ json: [lines.length], lines, notes: ["a note"] });

describe("a watched list", () => {
  it("is drawn over itself in a terminal, and cut to the screen", async () => {
    const { terminal, printed, said } = screen(4);
    const lists = [listOf("one", "two"), listOf("1", "2", "3", "4", "5")];
    expect(await watch(terminal, lists)).toBe(130);
    expect(printed).toEqual(["\r\u001b[Jone\ntwo\n", "\u001b[2A\r\u001b[J1\n2\n… 3 more\n"]);
    expect(said).toEqual([]);
  });
  it("is drawn in 24 rows on a screen that does not tell its height", async () => {
    const { terminal, printed } = screen(0);
    expect(await watch(terminal, [listOf("one", "two")])).toBe(130);
    expect(printed).toEqual(["\r\u001b[Jone\ntwo\n"]);
  });
  it("is printed once where nothing can be drawn again", async () => {
    const { terminal, printed, said } = screen(undefined);
    expect(await watch(terminal, [listOf("one"), listOf("two")])).toBe(0);
    expect([printed, said]).toEqual([["one\n"], ["a note"]]);
  });
  it("goes on as JSON where nothing can be drawn again", async () => {
    const { terminal, printed } = screen(undefined, true);
    expect(await watch(terminal, [listOf("one"), listOf()])).toBe(130);
    expect(printed).toEqual(["1\n", "0\n"]);
  });
});

describe("the lines of statistics", () => {
  it("S139 say of a job how far it is, how fast, and the time left", () => {
    const job = { jobId: "01J", state: "started", ended: 33, planned: 100, perSecond: 0.5, secondsLeft: 134 };
    expect(statsLines({ items: [], approximate: true, job }, 100)).toEqual([
      "job 01J: started, 33 of 100 runs (33.0 %), 0.5/s, 2 min 14 s left",
      "",
      "no run has ended yet",
    ]);
  });
  it.each([
    [0, "0/s"],
    [12_345.6, "12,346/s"],
    [2.34, "2.3/s"],
    [0.05, "3.0/min"],
    [0.001, "3.6/h"],
  ])("a rate of %d is %s", (rate, text) => expect(formatRate(rate)).toBe(text));
  it.each([
    [1, "100 %"],
    [0.9999, "99.9 %"],
    [0.5, "50.0 %"],
    [0, "0 %"],
  ])("a share of %d is %s", (share, text) => expect(formatShare(share)).toBe(text));
});
