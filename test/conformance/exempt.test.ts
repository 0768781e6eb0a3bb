import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as z from "zod";
import { readCases } from "./cases.ts";

/** Cases that are not proved here, because they describe internals of another system. Each has a reason. */
const exempt = z
  .array(z.strictObject({ id: z.string(), reason: z.string() }))
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, "exempt.json"), "utf8")));
const folder = join(import.meta.dirname, "cases");
const ids = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .flatMap((name) => readCases(join(folder, name)).map(({ id }) => id));

/** Matches the ids at the start of a title. */
const TITLE = /["'`]((?:[A-Za-z]+-?\d{3} )+)/g;
function idsInTitles(): ReadonlySet<string> {
  const tests = join(import.meta.dirname, "..");
  const files = readdirSync(tests, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(test|e2e)\.ts$/.test(name),
  );
  const titles = files.flatMap((name) => [...readFileSync(join(tests, name), "utf8").matchAll(TITLE)]);
  return new Set(titles.flatMap(([, title = ""]) => title.trim().split(" ")));
}

it("every exempt case exists, once", () => {
  expect(exempt.map(({ id }) => id).filter((id) => !ids.includes(id))).toEqual([]);
  expect(new Set(exempt.map(({ id }) => id)).size).toBe(exempt.length);
});

it("every exempt case has a reason of its own, which is a sentence", () => {
  expect(exempt.filter(({ reason }) => !/^[A-Z]\S*( \S+){4,}\.$/.test(reason))).toEqual([]);
  expect(new Set(exempt.map(({ reason }) => reason)).size).toBe(exempt.length);
});

it("no exempt case is carried by the title of a test", () => {
  const carried = idsInTitles();
  expect(carried).toContain("idp-001");
  expect(exempt.filter(({ id }) => carried.has(id))).toEqual([]);
});

it("at most a fifth of all cases is exempt", () => {
  expect(exempt.length).toBeLessThanOrEqual(ids.length / 5);
});
