import { expect, it } from "vitest";
import { add, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

it("an input is not sealed below a page that was put, and gives all its pages to the body", async () => {
  const local = new LocalEngine([add, sum]);
  const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
  for (let page = 0; page < 4; page++) await local.engine.putInputPage(jobId, page, [add.s(page, 0).canvas]);
  await expect(local.engine.sealInput(jobId, 3)).rejects.toMatchObject({ code: "invalid_request", details: { page: 3 } });
  await local.engine.sealInput(jobId, 4);
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 6 });
});
