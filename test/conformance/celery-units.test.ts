import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readCases } from "./cases.ts";
import { mismatches } from "./compare.ts";
import { structure } from "./run-case.ts";

/** Cases from Celery's unit tests about the form of canvases. No task is run. */
const cases = readCases(fileURLToPath(new URL("./cases/celery-unit-cases.json", import.meta.url)));

it("there are 82 of them", () => expect(cases).toHaveLength(82));
it.each(cases.map((each, index) => [each.id, "title" in each ? (each.title ?? "") : "", index] as const))(
  "%s %s",
  (_id, _title, index) => {
    const each = cases[index];
    if (each?.kind !== "structure") throw new Error("only cases of the kind structure belong here");
    expect(mismatches(each.expected, structure(each))).toEqual([]);
  },
);
