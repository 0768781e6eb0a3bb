import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextTime } from "../../functions/calendar/calendar.ts";
import { instantOf, localTimeAt, readLocalTime } from "../../functions/calendar/time-zone.ts";
import type { When } from "../../functions/core/schedule/schedule.ts";

const PARIS = "Europe/Paris";
/** Returns the times from one instant to before another, as texts. */
function times(when: When, from: string, to: string): string[] {
  const found: string[] = [];
  let at = nextTime(when, 0, Date.parse(from) - 1);
  for (; at !== undefined && at < Date.parse(to); at = nextTime(when, 0, at))
    found.push(new Date(at).toISOString().slice(0, 16));
  return found;
}
const daily = (time: string, timeZone: string): [string, When][] => [
  ["cron", { cron: `${Number(time.slice(3))} ${Number(time.slice(0, 2))} * * *`, timeZone }],
  ["rrule", { rrule: "FREQ=DAILY", start: `2000-01-01T${time}`, timeZone }],
];

describe("daylight saving", () => {
  it.each(daily("02:30", PARIS))("%s: 02:30 in Paris once on 29 March, when it is skipped", (_kind, when) => {
    expect(times(when, "2026-03-28T12:00Z", "2026-03-31T00:00Z")).toEqual(["2026-03-29T01:00", "2026-03-30T00:30"]);
  });
  it.each(daily("02:30", PARIS))("%s: 02:30 in Paris once on 25 October, when it comes twice", (_kind, when) => {
    expect(times(when, "2026-10-24T12:00Z", "2026-10-27T00:00Z")).toEqual(["2026-10-25T00:30", "2026-10-26T01:30"]);
  });
  it.each([
    ["cron", { cron: "*/15 * * * *", timeZone: PARIS }],
    ["rrule", { rrule: "FREQ=MINUTELY;INTERVAL=15", start: "2026-01-01T00:00", timeZone: PARIS }],
    ["interval", { everySeconds: 900, start: "2026-01-01T00:00", timeZone: PARIS }],
  ] as [string, When][])("%s: every 15 minutes goes on through both", (_kind, when) => {
    for (const [from, to, count] of [
      ["2026-03-28T23:00Z", "2026-03-29T22:00Z", 92],
      ["2026-10-24T22:00Z", "2026-10-25T23:00Z", 100],
    ] as const) {
      const found = times(when, from, to);
      expect(found).toHaveLength(count);
      for (let k = 1; k < found.length; k++)
        expect(Date.parse(`${found[k]}Z`) - Date.parse(`${found[k - 1]}Z`)).toBe(900_000);
    }
  });
  it.each(daily("00:00", "Africa/Cairo"))("%s: midnight in Cairo on the day that begins at one", (_kind, when) => {
    const found = times(when, "2026-04-22T12:00Z", "2026-04-25T12:00Z");
    expect(found).toEqual(["2026-04-22T22:00", "2026-04-23T22:00", "2026-04-24T21:00"]);
  });
  it("several skipped times share one, and a day that a zone left out is made up for when the next begins", () => {
    const cron = { cron: "*/20 2 * * *", timeZone: PARIS };
    expect(times(cron, "2026-03-29T00:00Z", "2026-03-29T12:00Z")).toEqual(["2026-03-29T01:00"]);
    const apia = { cron: "0 12 30 12 *", timeZone: "Pacific/Apia" };
    expect(times(apia, "2011-12-01T00:00Z", "2012-01-03T00:00Z")).toEqual(["2011-12-30T10:00"]);
  });
});

describe("a calendar", () => {
  it("has rules of months and weeks, counts and ends", () => {
    const rule = (rrule: string): string[] =>
      times({ rrule, start: "2026-01-01T09:00", timeZone: PARIS }, "2026-01-01T00:00Z", "2026-07-01T00:00Z");
    expect(rule("FREQ=MONTHLY;BYDAY=-1FR").slice(0, 2)).toEqual(["2026-01-30T08:00", "2026-02-27T08:00"]);
    expect(rule("FREQ=DAILY;COUNT=2")).toEqual(["2026-01-01T08:00", "2026-01-02T08:00"]);
    expect(rule("FREQ=WEEKLY;UNTIL=20260108T080000Z")).toEqual(["2026-01-01T08:00", "2026-01-08T08:00"]);
    expect(rule("FREQ=WEEKLY;UNTIL=20260108T085959")).toEqual(["2026-01-01T08:00"]);
  });
  it("counts an interval from its start or its anchor, far ahead too", () => {
    const days = 60 * 86_400;
    expect(nextTime({ everySeconds: days }, 1_000, 1_000)).toBe(1_000 + days * 1_000);
    expect(nextTime({ everySeconds: 60, start: "2026-01-01T00:00" }, 0, 0)).toBe(Date.parse("2026-01-01T00:00Z"));
  });
  it.each([
    [{ cron: "" }, "/when/cron"],
    [{ cron: "* * *" }, "/when/cron"],
    [{ cron: "60 * * * *" }, "/when/cron"],
    [{ cron: "2026-01-01T00:00:00Z" }, "/when/cron"],
    [{ cron: "* * * * *", timeZone: "+01:00" }, "/when/timeZone"],
    [{ cron: "* * * * *", timeZone: "Mars/Olympus" }, "/when/timeZone"],
    [{ rrule: "FREQ=SECONDLY", start: "2026-01-01T00:00" }, "/when/rrule"],
    [{ rrule: "FREQ=DAILY;BYHOUR=99", start: "2026-01-01T00:00" }, "/when/rrule"],
    [{ rrule: "FREQ=DAILY;X=1", start: "2026-01-01T00:00" }, "/when/rrule"],
    [{ rrule: "FREQ=DAILY;FREQ=WEEKLY", start: "2026-01-01T00:00" }, "/when/rrule"],
    [{ rrule: "BYHOUR=1", start: "2026-01-01T00:00" }, "/when/rrule"],
    [{ rrule: "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", start: "2026-01-01T00:00" }, "/when/rrule"],
    [{ rrule: "FREQ=DAILY", start: "2026-02-30T00:00" }, "/when/start"],
    [{ everySeconds: 60, start: "tomorrow" }, "/when/start"],
  ] as [When, string][])("D085 %j is refused", (when, field) => {
    expect(() => nextTime(when, 0, Date.parse("2026-06-01T00:00Z"))).toThrow(
      expect.objectContaining({ code: "invalid_schedule", details: { field } }),
    );
  });
  it("has no time after the last, and none for a day that does not exist", () => {
    const rule = { rrule: "FREQ=DAILY;COUNT=1", start: "2026-01-01T00:00" };
    expect(nextTime(rule, 0, Date.parse("2026-06-01T00:00Z"))).toBeUndefined();
    expect(nextTime({ cron: "0 0 30 2 *" }, 0, 0)).toBeUndefined();
  });
});

describe("local times", () => {
  const zones = fc.constantFrom(
    PARIS,
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "UTC",
  );
  const instants = fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2027, 0) }).map((at) => at - (at % 1_000));
  it("are found again, but for the second of two", () => {
    fc.assert(
      fc.property(zones, instants, (zone, at) => {
        const local = localTimeAt(at, zone);
        const found = instantOf(local, zone);
        expect(localTimeAt(found, zone)).toBe(local);
        expect(found).toBeLessThanOrEqual(at);
      }),
    );
  });
  it("never go back: a later local time is no earlier instant", () => {
    fc.assert(
      fc.property(zones, instants, fc.integer({ min: 0, max: 7_200_000 }), (zone, local, more) => {
        expect(instantOf(local + more, zone)).toBeGreaterThanOrEqual(instantOf(local, zone));
      }),
    );
  });
  it("of any schedule come after the time that was asked for, and each once", () => {
    const hours = fc.constantFrom("*", "2", "0,2", "*/2", "1-3");
    const minutes = fc.constantFrom("0", "30", "*/20", "15,45");
    fc.assert(
      fc.property(zones, instants, hours, minutes, (timeZone, from, hour, minute) => {
        const when = { cron: `${minute} ${hour} * * *`, timeZone };
        let at = from;
        for (let k = 0; k < 5; k++) {
          const next = nextTime(when, 0, at) ?? 0;
          expect(next).toBeGreaterThan(at);
          at = next;
        }
      }),
      { numRuns: 50 },
    );
  });
  it("are read only when they exist in the calendar", () => {
    expect(readLocalTime("2026-02-29T00:00")).toBeNull();
    expect(readLocalTime("2028-02-29T00:00")).toBe(Date.UTC(2028, 1, 29));
  });
});
