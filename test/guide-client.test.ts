import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createClient } from "../functions/client/index.ts";
import { createApp } from "../functions/api/app.ts";
import { noSecurity } from "../functions/api/security.ts";
import * as sdk from "../functions/sdk/index.ts";
import { LocalEngine } from "./engine/local-engine.ts";

/** Runs the examples of docs/guide-client.md. What they print is behind `//` at the end of its line. */
const guide = readFileSync(new URL("../docs/guide-client.md", import.meta.url), "utf8");
const blocks = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
const AsyncFunction = (async () => undefined).constructor as new (
  ...parameters: readonly string[]
) => (...given: readonly unknown[]) => Promise<Record<string, never>>;
function compiled(code: string): string {
  const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true } };
  return transformSync(code, { loader: "ts", format: "esm", target: "es2022", tsconfigRaw }).code;
}

const [definitions = "", ...examples] = blocks;
const names = [...definitions.matchAll(/^export const (\w+)/gm)].map((match) => match[1] ?? "");
const scope = { ...sdk, z };
const tasks = await new AsyncFunction(
  ...Object.keys(scope),
  `${compiled(definitions.replaceAll("export const", "const"))}\nreturn { ${names.join(", ")} };`,
)(...Object.values(scope));

/** A client of the API over an engine in memory, which goes on whenever it is asked. */
function clientOf() {
  const { tasks: found, workflows } = sdk.loadTaskModule(tasks);
  const local = new LocalEngine(found);
  const app = createApp({
    engine: local.engine,
    workflows: sdk.createWorkflows(workflows),
    registry: { info: (task) => sdk.createRegistry(found).info(task), names: () => found.map((task) => task.name) },
    security: noSecurity(),
    version: "1.2.3",
    health: async () => ({ store: { writable: true }, queues: {} }),
    report: () => undefined,
  });
  const fetch = async (request: Request): Promise<Response> => {
    const answer = await app.fetch(request);
    await (request.method === "GET" && local.untilQuiet());
    return answer;
  };
  return createClient({ url: "http://127.0.0.1:7420", fetch, pace: { firstMs: 1, longestMs: 5 } });
}

describe("docs/guide-client.md", () => {
  it("has examples", () => expect(examples.length).toBeGreaterThanOrEqual(5));
  it.each(examples)("%#", async (code) => {
    const printed: string[] = [];
    const console = { log: (value: unknown) => printed.push(JSON.stringify(value)) };
    const given = { ...scope, ...tasks, client: clientOf(), console };
    await new AsyncFunction(...Object.keys(given), compiled(code))(...Object.values(given));
    const expected = [...code.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map((match) => match[1] ?? "");
    expect(printed.join(" ")).toBe(expected.join(" "));
  });
});
