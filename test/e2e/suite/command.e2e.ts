import { expect, it } from "vitest";
import { start } from "../../cli/cli.ts";
import { operate } from "../../cli/operate.ts";
import { connect, REGION } from "../deployment.ts";

/** The keys that the emulator takes. */
const KEYS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_PROFILE: undefined };

it("a job is started, watched, failed, looked into and cancelled with the command", { timeout: 300_000 }, async () => {
  const { url } = await connect();
  expect(url).toContain("/restapis/");
  // --region signs for an address that is not one of AWS: here that of an emulator.
  const server = ["--url", url, "--region", REGION];
  // The task `fail` of this deployment is that of the canvas cases, whose message always begins so. Lists cut it off.
  await operate((args, input) => start([...args, ...server], input, { variables: KEYS }).ended, "task expected");
});
