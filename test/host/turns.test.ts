import { describe, expect, it } from "vitest";
import { Turns } from "../../functions/host/turns.ts";

/** Serves names that always have work, so many times. */
function served(turns: Turns, names: readonly string[], times: number): string {
  let order = "";
  for (let k = 0; k < times; k++) {
    const [next = ""] = turns.order(names);
    turns.took(next);
    order += next;
  }
  return order;
}

describe("turns", () => {
  it("names of one weight are served one after the other", () =>
    expect(served(new Turns(), ["a", "b", "c"], 9)).toBe("abcabcabc"));

  it("a name is served as often as its weight says", () => {
    const order = served(new Turns((name) => (name === "a" ? 3 : 1)), ["a", "b"], 40);
    expect(order.replaceAll("b", "")).toHaveLength(30);
    expect(order).not.toContain("aaaaa");
  });

  it("a name that was absent has no credit", () => {
    const turns = new Turns();
    served(turns, ["a"], 100);
    expect(served(turns, ["a", "b"], 6).replaceAll("a", "")).toHaveLength(3);
  });

  it("several that are taken at once count as several turns", () => {
    const turns = new Turns();
    turns.took("a", 5);
    expect(served(turns, ["a", "b"], 5)).toBe("bbbbb");
  });
});
