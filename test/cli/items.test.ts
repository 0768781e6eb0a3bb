import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fanfold, jsonLines, newFolder, ROOT, start } from "./cli.ts";

const TASKS = `import { definePathTask, FileActionStatus } from ${JSON.stringify(join(ROOT, "functions/paths/index.ts"))};
export const copy = definePathTask({
  name: "copy",
  run: (ctx, { jobid, paths }) => {
    const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
    for (const { path } of paths) status.add("processed", path);
    return status.dump();
  },
});
`;

it(
  "fanfold submit --items runs a canvas for chunks of a file, and goes on with a key",
  { timeout: 120_000 },
  async () => {
    const folder = newFolder();
    const at = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    at("package.json", '{ "type": "module" }');
    const data = join(folder, "data");
    const common = ["--data", data];
    const tasks = ["--tasks", at("tasks.ts", TASKS)];
    const server = start(["dev", "--port", "0", "--workers", "1", "--json", ...common, ...tasks]);
    await server.line("stdout", (line) => line.startsWith("{"));
    const canvas = at("copy.json", '{ "task": "copy" }');
    const lines = Array.from({ length: 5_000 }, (_, k) =>
      k % 2 === 0 ? `{"path":"/${k}","size":1}` : `"/it's \\"${k}\\""`,
    );
    const files = at("files.ndjson", `${lines.join("\n")}\n\n`);
    const submit = ["submit", canvas, "--items", files, "--chunk-size", "1000", "--key", "monday", "--json", ...common];
    const first = await fanfold(submit);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    const [{ jobId, ...put } = { jobId: "" }] = jsonLines<{ jobId: string }>(first.stdout);
    expect(put).toEqual({ pages: 2, items: 5_000 });
    const again = await fanfold(submit);
    expect(jsonLines(again.stdout)).toMatchObject([{ jobId, pages: 2 }]);
    expect((await fanfold(["watch", jobId, ...common])).code).toBe(0);
    const shown = await fanfold(["job", jobId, "--json", ...common]);
    expect(jsonLines(shown.stdout)).toMatchObject([{ state: "success", items: { processed: 5_000 } }]);
    const wrong = await fanfold(["submit", canvas, "--items", at("wrong.ndjson", '"/a"\n{"size":1}\n'), ...common]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("line 2: /path must be a text")]);
    // The job that was opened for them does not wait for its input for ever.
    const [left] = jsonLines<{ items: { state: string }[] }>(
      (await fanfold(["jobs", "--limit", "1", "--json", ...common])).stdout,
    );
    expect(left?.items[0]?.state).toMatch(/^cancell(ing|ed)$/);
    for (const [what, items, says] of [
      [canvas, folder, "is a folder"],
      ["inventory", files, "not the workflow inventory"],
    ] as const) {
      const refused = await fanfold(["submit", what, "--items", items, ...common]);
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(says)]);
    }
  },
);
