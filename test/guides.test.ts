import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { jobResult } from "../functions/client/index.ts";
import type { Json } from "../functions/core/json.ts";
import * as paths from "../functions/paths/index.ts";
import * as sdk from "../functions/sdk/index.ts";
import { LocalEngine } from "./engine/local-engine.ts";

/**
 * Runs the examples of guides. A block with `export` defines tasks. Any other one ends with an expression and, behind `//`, what that canvas gives:
 * its value as JSON, `fails with <name>`, and `, answered with <value>` where somebody has to answer.
 */
interface Example {
  readonly canvas: sdk.CanvasBuilder;
  readonly expected: string;
}
interface Guide {
  readonly loaded: Awaited<ReturnType<Run>>;
  /** Text of the examples, in their order. */
  readonly texts: readonly string[];
}
type Run = (
  ...given: readonly unknown[]
) => Promise<{ readonly examples: readonly Example[]; readonly tasks: readonly sdk.AnyTask[] }>;
const AsyncFunction = (async () => undefined).constructor as new (...parameters: readonly string[]) => Run;

function scriptOf(definitions: readonly string[], examples: readonly string[]): string {
  const names = definitions.flatMap((block) => [...block.matchAll(/^export const (\w+)/gm)].map((match) => match[1]));
  const parts = examples.map((block) => {
    const lines = block.trimEnd().split("\n");
    const [, expression = "", expected = ""] = /^(.*) \/\/ (.*)$/.exec(lines.pop() ?? "") ?? [];
    return `examples.push(await (async () => { ${lines.join("\n")}\n return { canvas: ${expression}, expected: ${JSON.stringify(expected)} }; })());`;
  });
  const code = [
    ...definitions.map((block) => block.replaceAll("export const", "const")),
    "const examples = [];",
    ...parts,
  ].join("\n");
  return `${transformSync(code, { loader: "ts", format: "esm", target: "es2022", tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } } }).code}\nreturn { examples, tasks: [${names.join(", ")}].filter((each) => "info" in each) };`;
}
async function load(name: string): Promise<Guide> {
  const guide = readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");
  const blocks = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
  const definitions = blocks.filter((block) => block.includes("export const"));
  const texts = blocks.filter((block) => !block.includes("export const"));
  const names = { z, ...sdk, ...paths };
  const loaded = await new AsyncFunction(...Object.keys(names), scriptOf(definitions, texts))(...Object.values(names));
  return { loaded, texts };
}

async function answer(local: LocalEngine, jobId: string, value: Json): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await local.turn();
  for (const { runId } of (await local.engine.runs(jobId, {})).items) {
    const { wait, unmet = [] } = (await local.engine.run(runId)) ?? {};
    if (wait?.of === "approval") await local.engine.complete(runId, wait.token ?? "", { value });
    for (const { of, name } of [...(wait ? [wait] : []), ...unmet])
      if (of === "event") await local.engine.sendEvent(jobId, name, value);
  }
}
async function outcome({ tasks }: Guide["loaded"], { canvas, expected }: Example): Promise<string> {
  const local = new LocalEngine(tasks);
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  const given = /, answered with (.*)$/.exec(expected)?.[1];
  if (given !== undefined) await answer(local, jobId, JSON.parse(given) as Json);
  await local.untilQuiet();
  try {
    return JSON.stringify((await jobResult(local.engine, jobId)).get());
  } catch (error) {
    return `fails with ${(error as Error).name}`;
  }
}

const GUIDES = [
  ["guide-canvas.md", 30],
  ["guide-blobs.md", 3],
  ["guide-ledger.md", 2],
  ["guide-paths.md", 4],
  ["guide-tasks.md", 3],
  ["guide-dags.md", 2],
] as const;
for (const [name, least] of GUIDES) {
  const { loaded, texts } = await load(name);
  describe(`docs/${name}`, () => {
    it("has its examples", () => expect(loaded.examples.length).toBeGreaterThan(least));
    it.each(loaded.examples.map((example, index) => [texts[index]?.trim() ?? "", example] as const))(
      "%s",
      async (_text, example) => {
        const wanted = example.expected.replace(/, answered with .*$/, "");
        expect(await outcome(loaded, example)).toBe(
          wanted.startsWith("fails") ? wanted : JSON.stringify(JSON.parse(wanted)),
        );
      },
    );
  });
}
