import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ENGINE_QUEUE,
  formatQueueName,
  parseQueueName,
  QUEUE_FUNCTIONS,
  type QueueName,
} from "../../../functions/core/names/queue-name.ts";
import { refusalOf } from "../refusal.ts";

const defaults = { site: "paris" };
const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,30}$/).filter((text) => text !== ENGINE_QUEUE);
const queueName: fc.Arbitrary<QueueName> = fc
  .record({ site: part, queue: fc.oneof(part, fc.constant("default")), function: fc.constantFrom(...QUEUE_FUNCTIONS) })
  .map((name) => (["interactive", "settings"].includes(name.function) ? { ...name, queue: "default" } : name));

describe("queue names", () => {
  it("NG-063 come back from their text in three parts", () => {
    fc.assert(
      fc.property(queueName, (name) => {
        expect(parseQueueName(formatQueueName(name), defaults)).toEqual(name);
      }),
    );
  });
  it("NG-064 NG-066 are written london.highpriority#custom", () => {
    expect(formatQueueName({ site: "london", queue: "highpriority", function: "custom" })).toBe(
      "london.highpriority#custom",
    );
  });
  it.each([
    ["highpriority", "paris.highpriority#worker"],
    ["london.highpriority", "london.highpriority#worker"],
    ["highpriority#discovery", "paris.highpriority#discovery"],
    ["#custom", "paris.default#custom"],
    ["london.default#settings", "london.default#settings"],
    ["#interactive", "paris.default#interactive"],
    ["a-b_1.C-D_2#worker", "a-b_1.C-D_2#worker"],
  ])("read the short form %s", (text, full) => expect(formatQueueName(parseQueueName(text, defaults))).toBe(full));
  it("NG-068 take the missing parts from the defaults given", () => {
    expect(parseQueueName("#custom", { site: "london", queue: "night" })).toEqual({
      site: "london",
      queue: "night",
      function: "custom",
    });
    expect(parseQueueName("night", { site: "london", function: "discovery" })).toEqual({
      site: "london",
      queue: "night",
      function: "discovery",
    });
  });
  it.each([
    "",
    " ",
    ".",
    "#",
    ".#",
    "high priority",
    "high.",
    ".high",
    "london.#custom",
    "london.high#",
    "a.b.c",
    "a#worker#worker",
    "a#b.c",
    "höhe",
    "a/b",
    "a\n",
    "\u0000",
    "high#nothing",
    "high#constructor",
    "x".repeat(1_000_000),
    `${".".repeat(199)}#`,
  ])("NG-071 refuse %j", (text) => {
    expect(refusalOf(() => parseQueueName(text, defaults, "/queue"))).toMatchObject({
      code: "invalid_queue_name",
      field: "/queue",
    });
  });
  it.each(["worker", "discovery", "custom"] as const)("NG-069 have the function %s on every queue", (kind) =>
    expect(formatQueueName({ site: "london", queue: "high", function: kind })).toBe(`london.high#${kind}`),
  );
  it("NG-070 keep interactive and settings to the default queue", () => {
    expect(refusalOf(() => parseQueueName("high#interactive", defaults))).toMatchObject({ code: "invalid_queue_name" });
    expect(refusalOf(() => formatQueueName({ site: "london", queue: "high", function: "settings" }))).toMatchObject({
      code: "invalid_queue_name",
    });
  });
  it.each([ENGINE_QUEUE, `london.${ENGINE_QUEUE}`, `${ENGINE_QUEUE}#custom`])(
    "refuse the engine's own queue, also as %s",
    (text) => {
      expect(refusalOf(() => parseQueueName(text, defaults))).toMatchObject({ code: "invalid_queue_name" });
    },
  );
  it("refuse to write what could not be read", () => {
    expect(refusalOf(() => formatQueueName({ site: "lon.don", queue: "high", function: "worker" }))).toMatchObject({
      code: "invalid_queue_name",
    });
    expect(refusalOf(() => parseQueueName("high", { site: "" }))).toMatchObject({ code: "invalid_queue_name" });
    expect(refusalOf(() => parseQueueName(7 as unknown as string, defaults))).toMatchObject({
      code: "invalid_queue_name",
    });
  });
});
