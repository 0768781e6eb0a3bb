import { afterAll, describe, expect, it } from "vitest";
import { loopbackSecurity } from "../../functions/api/security.ts";
import { serveApp } from "../../functions/embedded/serve-app.ts";
import * as examples from "../../functions/tasks/examples.ts";
import { startApi } from "../api/api.ts";
import { TestDeployment } from "../handlers/deployment.ts";
import { runCampaign } from "./campaign.ts";
import { lambdaTarget, serverTarget, type Target } from "./targets.ts";

const closing: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

async function server(): Promise<Target> {
  let port = 0;
  const api = startApi({ security: loopbackSecurity({ port: () => port, token: "t" }) });
  const served = await serveApp(api.app, { port: 0 });
  port = served.port;
  const target = serverTarget(port, "t", () => api.local.untilQuiet());
  closing.push(
    () => target.close(),
    () => served.close(0),
  );
  return target;
}

describe("generated requests", () => {
  it.each([
    ["a server", server],
    ["the API's Lambda handler", async () => lambdaTarget(new TestDeployment(examples))],
  ])("%s answers each as the document says, without 500, stack or hanging", async (_title, open) => {
    const target = await open();
    expect(await runCampaign({ seed: 1, from: 0, requests: 1_500, targets: [target] })).toEqual([]);
  });
});
