import { describe, expect, it } from "vitest";
import { isFailedMember } from "../../functions/sdk/index.ts";

const failed = { runId: "j.0.g.1", name: "Error", message: "no", status: "error" };

describe("isFailedMember", () => {
  it.each(["error", "broken", "cancelled"])("a member that ended as %s has failed", (status) =>
    expect(isFailedMember({ $error: { ...failed, status } })).toBe(true),
  );
  it.each([
    0,
    null,
    undefined,
    "text",
    [],
    {},
    { $error: null },
    { $error: "text" },
    { $error: { ...failed, runId: 1 } },
    { $error: { ...failed, status: "success" } },
    { $error: failed, value: 1 },
  ])("a value is no failed member: %j", (value) => expect(isFailedMember(value)).toBe(false));
});
