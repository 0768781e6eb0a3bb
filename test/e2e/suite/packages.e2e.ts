import { expect, it } from "vitest";
import { chain } from "../../../functions/sdk/index.ts";
import { connect, ended } from "../deployment.ts";
import { parse, store } from "../tasks/index.ts";

it("tasks use a CommonJS package, which is compiled in, and a native one, which is installed beside", async () => {
  const api = await connect();
  const { jobId } = await api.client.submit(chain(parse.s(["Ada"]), store.s()).canvas);
  expect(await ended(api, jobId)).toMatchObject({ state: "success", value: "Ada" });
});
