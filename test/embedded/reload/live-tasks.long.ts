import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { LiveTasks } from "../../../functions/embedded/reload/live-tasks.ts";

const SDK = JSON.stringify(resolve(import.meta.dirname, "../../../functions/sdk/index.ts"));
const ZOD = JSON.stringify(import.meta.resolve("zod"));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "fanfold-live-")));
const loaded: LiveTasks[] = [];
afterAll(async () => {
  for (const live of loaded) await live.end();
  rmSync(folder, { recursive: true, force: true });
});
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const tasks = (more = ""): string =>
  `import { defineTask, defineWorkflow } from ${SDK};
import * as z from ${ZOD};
import { name } from "./name.ts";
${more}
export const one = defineTask({ name, run: () => 1 });
export const flow = defineWorkflow({ name: "flow", parameters: z.object({ n: z.int().default(2) }), canvas: ({ n }) => {
  if (n < 0) throw new Error("below zero");
  return one.s(n);
} });
`;
async function load(check: Parameters<typeof LiveTasks.load>[1] = () => undefined): Promise<LiveTasks> {
  const live = await LiveTasks.load(join(folder, "tasks.ts"), check);
  loaded.push(live);
  return live;
}
const filesOf = (live: LiveTasks): string[] => [...live.files].map((file) => basename(file)).toSorted();

describe("tasks that are loaded again", { timeout: 60_000 }, () => {
  beforeEach(() => {
    write("package.json", '{ "type": "module" }');
    write("tasks.ts", tasks());
    write("name.ts", 'export const name: string = "first";\n');
  });

  it("know every file that their module imports, and none of a package", async () => {
    expect(filesOf(await load())).toEqual(["name.ts", "tasks.ts"]);
  });

  it("make canvases at once, and throw what a workflow throws", async () => {
    const { workflows } = await load();
    expect(workflows.start("flow", {})).toMatchObject({ canvas: { task: "first", args: [2] }, parameters: { n: 2 } });
    expect(() => workflows.start("flow", { n: "x" })).toThrow(
      expect.objectContaining({ code: "invalid_parameters", details: { field: "/n" } }),
    );
    expect(() => workflows.start("flow", { n: -1 })).toThrow(/below zero/);
    expect(() => workflows.start("flaw", {})).toThrow(expect.objectContaining({ code: "unknown_workflow" }));
  });

  it("are replaced together with what they import", async () => {
    const live = await load();
    write("name.ts", 'export const name: string = "second";\n');
    await live.reload();
    expect(live.taskNames).toEqual(["second"]);
    expect(live.registry.info("first")).toBeUndefined();
    expect(live.workflows.start("flow", {})).toMatchObject({ canvas: { task: "second" } });
  });

  it.each([
    ["do not compile", "export const name = ;", /name\.ts:1:20: ERROR/],
    ["throw", "throw new Error('no name');\nexport const name = 1;", /no name\n {4}at .*name\.ts:1:7/],
    ["lack an export", "export const other = 1;", /does not provide an export named 'name'/],
    ["end their thread", "process.exit(3);\nexport const name = 1;", /its thread ended with 3/],
  ])("stay as they are when the new ones %s, and the error says where", async (_what, text, says) => {
    const live = await load();
    write("name.ts", text);
    await expect(live.reload()).rejects.toThrow(expect.objectContaining({ code: "invalid_tasks" }));
    await expect(live.reload()).rejects.toThrow(says);
    expect(live.taskNames).toEqual(["first"]);
    expect(live.workflows.start("flow", {})).toMatchObject({ canvas: { task: "first" } });
  });

  it("watch what a module that cannot be loaded has imported", async () => {
    const live = await load();
    write("more.ts", "throw new Error('not yet');\n");
    write("tasks.ts", tasks('import "./more.ts";'));
    await expect(live.reload()).rejects.toThrow(/not yet/);
    expect(filesOf(live)).toEqual(["more.ts", "name.ts", "tasks.ts"]);
  });

  it("stay as they are when a check refuses the new ones", async () => {
    const live = await load((found) => {
      if (found.some(({ name }) => name === "second")) throw new Error("no queue for it");
    });
    write("name.ts", 'export const name: string = "second";\n');
    await expect(live.reload()).rejects.toThrow(/no queue for it/);
    expect(live.taskNames).toEqual(["first"]);
  });
});

describe("the place of what Node cannot compile", () => {
  it("is named for JavaScript as well", async () => {
    write("plain.mjs", 'import "./syntax.mjs";\n');
    write("syntax.mjs", "export const a = 1;\nexport const b = ;\n");
    await expect(LiveTasks.load(join(folder, "plain.mjs"), () => undefined)).rejects.toThrow(
      /Unexpected token ';'\n {4}at .*syntax\.mjs:2/,
    );
  });
});
