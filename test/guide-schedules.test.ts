import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nextTime } from "../functions/calendar/calendar.ts";
import { readSchedule } from "../functions/core/schedule/read-schedule.ts";

/** Reads each spec of docs/guide-schedules.md, and fires it from where the text below it says. */
const guide = readFileSync(new URL("../docs/guide-schedules.md", import.meta.url), "utf8");
const parts = guide.split(/^```json\n/m).slice(1);
const examples = parts.map((part) => {
  const [json = "", text = ""] = part.split(/^```$/m);
  const [, from = "", times = ""] = /From `([^`]+)` it fires at ([^\n]+)\.\n/.exec(text) ?? [];
  return { json, from, times: [...times.matchAll(/`([^`]+)`/g)].map(([, time = ""]) => time) };
});

describe("docs/guide-schedules.md", () => {
  it("has its examples", () => expect(examples.length).toBeGreaterThan(4));
  it.each(examples)("$json fires as it says", ({ json, from, times }) => {
    const { when } = readSchedule(JSON.parse(json));
    const found: string[] = [];
    for (let at = Date.parse(from); found.length < times.length;) {
      at = nextTime(when, 0, at) ?? Number.NaN;
      found.push(new Date(at).toISOString().replace(":00.000Z", "Z"));
    }
    expect(times.length).toBeGreaterThan(0);
    expect(found).toEqual(times);
  });
});
