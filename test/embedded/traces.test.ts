import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it, vi } from "vitest";
import { signature } from "../../functions/sdk/index.ts";
import { linesOf, newFolder, run, startTestRuntime } from "./harness.ts";
import { unregisterTracing } from "../host/traced.ts";

const tasksModule = fileURLToPath(new URL("./fixtures/traced-tasks.ts", import.meta.url));
afterEach(() => {
  vi.unstubAllEnvs();
  unregisterTracing();
});
interface Line {
  readonly name: string;
  readonly pid: number;
  readonly spanId: string;
  readonly parent?: string;
}

it("traces lead from the submit over worker processes to the children of a run", { timeout: 60_000 }, async () => {
  const file = join(newFolder(), "spans");
  vi.stubEnv("SPANS_FILE", file);
  const { runtime } = await startTestRuntime({ tasksModule });
  await run(runtime, signature("parent"));
  await runtime.stop();
  const spans = linesOf(file).map((line) => JSON.parse(line) as Line);
  const above = (span: Line): readonly Line[] => {
    const parent = spans.find(({ spanId }) => spanId === span.parent);
    return [span, ...(parent ? above(parent) : [])];
  };
  const children = spans.filter(({ name }) => name === "run child");
  expect(children).toHaveLength(2);
  for (const each of children) {
    const path = above(each);
    expect(path.map(({ name }) => name)).toContain("run parent");
    expect(path.at(-1)).toMatchObject({ name: "fanfold submit", pid: process.pid });
    expect(each.pid).not.toBe(process.pid);
  }
});
