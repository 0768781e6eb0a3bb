import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeTasks } from "../../infra/bundling.ts";
import { fanfold, jsonLines, newFolder, ROOT } from "./cli.ts";

const folder = newFolder();
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
const SDK = JSON.stringify(join(ROOT, "functions/sdk/index.ts"));
function module(name: string, source: string): string {
  const path = join(folder, `${name}.ts`);
  writeFileSync(path, `import { defineTask } from ${SDK};\n${source}`);
  return path;
}
const task = (name: string, more = ""): string =>
  `export const ${name} = defineTask({ name: "${name}", ${more}run: () => 1 });\n`;
const QUEUES = ["local.default#worker"];

/** Mistakes in a module of tasks are said alike by one machine and by a synthesis. */
describe("a tasks module", { timeout: 60_000 }, () => {
  module("one", task("same"));
  module("two", task("same"));
  module("hides", 'export * from "./one.ts";\nexport * from "./two.ts";');
  const path = {
    "hides a name behind two `export *`": module("above", 'export * from "./hides.ts";'),
    "names a queue that no site has": module("queue", task("late", 'queue: "fast", ')),
    throws: module("throws", 'throw new Error("no url");'),
  };
  it.each([
    ["hides a name behind two `export *`", "invalid_tasks", [/\bsame\b[^]*JavaScript exports neither/]],
    ["names a queue that no site has", "unknown_queue", [/task late names the queue local.fast#worker/]],
    ["throws", "invalid_tasks", [/throws\.ts cannot be loaded: no url\n {4}at .*throws\.ts:2:7/]],
  ] as const)("that %s is refused by a command, and by a synthesis", async (what, code, says) => {
    const { code: exit, stdout } = await fanfold(["run", "x", "--tasks", path[what], "--data", newFolder(), "--json"]);
    const [{ error } = {}] = jsonLines<{ error: { code: string; message: string } }>(stdout);
    expect([exit, error?.code]).toEqual([2, code]);
    const synth = (): unknown => describeTasks([{ site: "local", tasksModule: path[what] }], QUEUES);
    for (const text of says) {
      expect(error?.message).toMatch(text);
      expect(synth).toThrow(text);
    }
  });
  it("that says which of the two it means is taken", () => {
    const chosen = module(
      "chosen",
      `export * from "./one.ts";\nexport * from "./two.ts";\nexport { same } from "./two.ts";`,
    );
    expect(describeTasks([{ site: "local", tasksModule: chosen }], QUEUES).tasks.map(({ name }) => name)).toEqual([
      "same",
    ]);
  });
  it("that keeps its process open, and prints, is described", () => {
    const open = module("open", `console.log("hello");\nsetInterval(() => undefined, 1_000);\n${task("a")}`);
    expect(describeTasks([{ site: "local", tasksModule: open }], QUEUES).tasks.map(({ name }) => name)).toEqual(["a"]);
  });
});
