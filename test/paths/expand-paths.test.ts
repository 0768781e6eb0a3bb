import { describe, expect, it } from "vitest";
import type { ItemReport, TaskCall } from "../../functions/core/task/invocation.ts";
import * as api from "../../functions/paths/index.ts";
import { expandPaths, type PathObject, type PathSource } from "../../functions/paths/index.ts";
import { withCall } from "../../functions/sdk/current-task.ts";
import { taskCall } from "../sdk/calls.ts";

/** A call whose other run has streamed these pages. `asked` counts the pages that were read. */
function callWith(pages: readonly (readonly ItemReport[])[]) {
  const asked = { pages: 0 };
  const call = taskCall("reads", []);
  const reports = async function* () {
    for (const page of pages) {
      asked.pages++;
      yield page;
    }
  };
  return { asked, call: { ...call, services: { ...call.services, reports } } satisfies TaskCall };
}
const page = (from: number, count: number): ItemReport[] =>
  Array.from({ length: count }, (_, k) => ({
    position: from + k,
    state: (from + k) % 5 === 4 ? "failures" : "processed",
    item: { path: `/${from + k}` },
  }));
async function pathsOf(call: TaskCall, source: Parameters<typeof expandPaths>[0]): Promise<string[]> {
  return withCall(call, async () => {
    const found: string[] = [];
    for await (const { path } of expandPaths(source)) found.push(path);
    return found;
  });
}

describe("expandPaths", () => {
  const plain = taskCall("reads", []);
  it("NG-040 yields the items of a list, of iterables, and of what a run has streamed", async () => {
    const list: PathObject[] = [{ path: "/a", size: 1 }, { path: "/b" }];
    expect(await pathsOf(plain, list)).toEqual(["/a", "/b"]);
    expect(await pathsOf(plain, new Set(["/a", "/b"]))).toEqual(["/a", "/b"]);
    const made = (async function* () {
      yield "/a";
      yield { path: "/b" };
    })();
    expect(await pathsOf(plain, made)).toEqual(["/a", "/b"]);
    const { call } = callWith([page(0, 3), page(3, 3)]);
    const streamed: PathSource = { $reports: "J.0", total: 5 };
    expect(await pathsOf(call, streamed)).toEqual(["/0", "/1", "/2", "/3", "/5"]);
    expect(await pathsOf(call, { $joined: [list, streamed], total: 7 })).toEqual([
      "/a",
      "/b",
      "/0",
      "/1",
      "/2",
      "/3",
      "/5",
    ]);
  });
  it("NG-041 reads a page when its items are needed, and one ahead", async () => {
    const { asked, call } = callWith([page(0, 2), page(2, 2), page(5, 2)]);
    await withCall(call, async () => {
      const items = expandPaths({ $reports: "J.0", total: 5 });
      expect(asked.pages).toBe(0);
      await items.next();
      await new Promise((resolve) => setImmediate(resolve));
      expect(asked.pages).toBe(2);
      await items.next();
      await items.next();
      await new Promise((resolve) => setImmediate(resolve));
      expect(asked.pages).toBe(3);
      await items.return();
    });
  });
  it("NG-043 can be left in the middle, which ends what it reads from", async () => {
    let closed = false;
    const made = (async function* () {
      try {
        for (let n = 0; ; n++) yield `/${n}`;
      } finally {
        closed = true;
      }
    })();
    await withCall(plain, async () => {
      for await (const { path } of expandPaths(made)) if (path === "/2") break;
    });
    expect(closed).toBe(true);
  });
  it("NG-042 has nothing beside it that collects items", () =>
    expect(Object.keys(api).toSorted()).toEqual([
      "DynamicSubmitter",
      "FileActionStatus",
      "StreamTaskResults",
      "definePathTask",
      "expandPaths",
    ]));
  it("refuses what is no item by its place, and works in tasks only", async () => {
    const wrong = pathsOf(plain, ["/a", { path: "" }]);
    await expect(wrong).rejects.toMatchObject({ code: "invalid_payload", details: { field: "/paths/1/path" } });
    await expect(expandPaths([]).next()).rejects.toMatchObject({ code: "outside_task" });
  });
});
