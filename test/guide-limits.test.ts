import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import * as sdk from "../functions/sdk/index.ts";
import { LocalEngine } from "./engine/local-engine.ts";

/** Defines the tasks of docs/guide-limits.md, and runs its canvas. */
const guide = readFileSync(new URL("../docs/guide-limits.md", import.meta.url), "utf8");
const [definitions = "", canvas = ""] = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
type Examples = { readonly tasks: readonly sdk.AnyTask[]; readonly canvas: sdk.CanvasBuilder };
const AsyncFunction = (async () => undefined).constructor as new (
  ...parameters: readonly string[]
) => (...given: readonly unknown[]) => Promise<Examples>;

describe("docs/guide-limits.md", () => {
  it("has tasks that can be defined, and a canvas that runs", async () => {
    const code = `${definitions.replaceAll("export const", "const")}
      return { tasks: [push, rebuild, search], canvas: ${canvas.trim().replace(/;$/, "")} };`;
    const { code: script } = transformSync(`async () => {${code}}`, { loader: "ts", target: "es2022" });
    const load = new AsyncFunction(...Object.keys(sdk), `return (${script.trim().replace(/;$/, "")})()`);
    const examples = await load(...Object.values(sdk));
    const local = new LocalEngine(examples.tasks);
    const { jobId } = await local.engine.submit({ canvas: examples.canvas.canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 2 } });
    const { items } = await local.engine.locks({});
    expect(items.map(({ kind, key }) => [kind, key])).toEqual([
      ["rate", "crm:acme"],
      ["rate", "crm:globex"],
    ]);
  });
});
