import { afterAll, beforeAll, expect, it } from "vitest";
import { compareAll, differs } from "../../infra/local/differences.ts";
import { type ScriptedServer, scriptedServer } from "../aws/scripted-server.ts";

let server: ScriptedServer;
beforeAll(async () => {
  server = await scriptedServer();
  process.env["AWS_ENDPOINT_URL"] = server.endpoint;
});
afterAll(() => server.close());

const NAME = "/aws/lambda/fanfold-api";
const compared = async (properties: object) =>
  compareAll([
    {
      stack: "fanfold-api",
      type: "AWS::Logs::LogGroup",
      physicalId: NAME,
      properties: { ...properties },
      retained: false,
    },
  ]);
const deployed = (retention: object) => ({
  body: {
    logGroups: [
      { logGroupName: `${NAME}-other`, retentionInDays: 7 },
      { logGroupName: NAME, ...retention },
    ],
  },
});

it("a log group whose retention was dropped differs, and is set to what the template says", async () => {
  server.script(deployed({}), { body: {} });
  const [dropped] = (await compared({ RetentionInDays: 7 })).filter(differs);
  expect(dropped).toMatchObject({
    resource: `AWS::Logs::LogGroup ${NAME}`,
    property: "RetentionInDays",
    wanted: 7,
    deployed: undefined,
  });
  await dropped?.set?.();
  expect(server.requests.at(-1)).toEqual({
    action: "PutRetentionPolicy",
    body: { logGroupName: NAME, retentionInDays: 7 },
  });
});

it("a log group that is kept as long as its template says does not differ", async () => {
  server.script(deployed({ retentionInDays: 7 }));
  expect((await compared({ RetentionInDays: 7 })).filter(differs)).toEqual([]);
  server.script(deployed({}));
  expect((await compared({})).filter(differs)).toEqual([]);
});
