import { expect, it } from "vitest";
import { tableOf } from "./report.ts";

it("a table has the usual columns, with numbers to the right, and other fields by name", () => {
  const [title, first, second] = tableOf([
    {
      bench: "fan-in",
      engine: "fanfold",
      level: "lazy",
      n: 1_000_000,
      seconds: 61.2,
      perSecond: 16_340,
      writesPerChild: 2.0712,
      requestsPerChild: 0.009_86,
      extra: 1_234.5,
    },
    { bench: "ratio", engine: "fanfold", against: "bullmq", ratio: 4.21 },
  ]) as [string, string, string];
  expect(title.trimEnd()).toBe("bench   engine   level          n  seconds  per second  CPU s  MB  writes  requests");
  expect(first).toBe(
    "fan-in  fanfold  lazy   1,000,000   61.200      16,340              2.071    0.0099  extra 1,234.5",
  );
  expect(second.replaceAll(/ {2,}/g, " ")).toBe("ratio fanfold against bullmq, ratio 4.21");
});

it("a table without lines is its title", () => expect(tableOf([])).toHaveLength(1));
