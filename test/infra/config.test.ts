import { describe, expect, it } from "vitest";
import { config } from "../../fanfold.config.ts";
import { defineConfig, type FanfoldConfig } from "../../functions/sdk/config.ts";
import { refusalOf } from "../core/refusal.ts";

const LEAST: FanfoldConfig = { site: "london", concurrency: 8, jobTimeoutDays: 30, retentionDays: 7 };
const NEEDS_NOTHING = { environment: {}, secrets: {}, layers: [] };
const queue = (fields: object): object => ({ sites: [{ name: "london", queues: [{ name: "bulk", ...fields }] }] });

describe("fanfold.config.ts", () => {
  it("the shipped fanfold.config.ts is accepted", () =>
    expect(config.sites.map(({ name }) => name)).toContain(config.site));

  it("fanfold.config.ts needs no more settings than one machine does", () => {
    const { sites, ...rest } = defineConfig(LEAST);
    expect(rest).toMatchObject({
      ...LEAST,
      prefix: "fanfold",
      tasks: "functions/tasks/index.ts",
      api: { auth: "iam" },
      logRetentionDays: 30,
    });
    expect(sites).toEqual([
      {
        name: "london",
        nodeModules: [],
        external: [],
        environment: {},
        secrets: {},
        layers: [],
        process: true,
        queues: [{ name: "default", function: "worker", bands: false, batchSize: 10, windowSeconds: 0 }],
        functions: [{ kind: "worker", memoryMb: 1_024, timeoutSeconds: 300, permissions: [], ...NEEDS_NOTHING }],
      },
    ]);
  });
  it.each([
    [[{ name: "a b", when: { everySeconds: 60 }, workflow: "w" }], "/schedules/0/name"],
    [[{ name: "a", when: { cron: "61 * * * *" }, workflow: "w" }], "/schedules/0/when/cron"],
    [[1, 2].map(() => ({ name: "a", when: { everySeconds: 60 }, workflow: "w" })), "/schedules/1"],
  ])("D085 a wrong schedule is refused: %j", (schedules, field) => {
    expect(refusalOf(() => defineConfig({ ...LEAST, schedules }))).toMatchObject({
      code: "invalid_configuration",
      details: { field },
    });
  });
  it("every site gets a default queue, and a function for each kind of work", () => {
    const [site] = defineConfig({
      ...LEAST,
      sites: [
        { name: "london", queues: [{ name: "bulk", function: "custom" }], functions: { custom: { memoryMb: 512 } } },
      ],
    }).sites;
    expect(site?.queues.map(({ name, function: kind }) => `${name}#${kind}`)).toEqual([
      "default#worker",
      "bulk#custom",
    ]);
    expect(site?.functions.map(({ kind, memoryMb }) => [kind, memoryMb])).toEqual([
      ["worker", 1_024],
      ["custom", 512],
    ]);
  });

  it.each<[string, string, object]>([
    ["a misspelt field", "", { sitee: "london" }],
    ["a default site that does not exist", "/site", { sites: [{ name: "paris" }] }],
    ["a site twice", "/sites/1", { sites: [{ name: "london" }, { name: "london" }] }],
    ["no site", "/sites", { sites: [] }],
    ["a name that is no name", "/sites/0/name", { sites: [{ name: "lon don" }] }],
    [
      "a queue twice",
      "/sites/0/queues/1",
      { sites: [{ name: "london", queues: [{ name: "a" }, { name: "a", function: "worker" }] }] },
    ],
    ["the engine's queue", "/sites/0/queues/0/name", queue({ name: "engine" })],
    ["settings beside the default queue", "/sites/0/queues/0/function", queue({ function: "settings" })],
    ["a queue without threads", "/sites/0/queues/0/threads", queue({ threads: 0 })],
    ["a queue that takes nothing", "/sites/0/queues/0/cap", queue({ cap: 0 })],
    ["a cap of a site that is no number", "/sites/0/cap", { sites: [{ name: "london", cap: 1.5 }] }],
    ["more threads than runs at once", "/sites/0/queues/0/threads", queue({ threads: 9 })],
    ["more threads of a site than runs at once", "/sites/0/threads", { sites: [{ name: "london", threads: 9 }] }],
    ["a queue that never has its turn", "/sites/0/queues/0/weight", queue({ weight: 0 })],
    ["one invocation at a time", "/sites/0/queues/0/maxConcurrency", queue({ maxConcurrency: 1 })],
    [
      "pollers and a bound",
      "/sites/0/queues/0/pollers",
      queue({ maxConcurrency: 5, pollers: { minimum: 2, maximum: 5 } }),
    ],
    [
      "fewer pollers at most than at least",
      "/sites/0/queues/0/pollers/minimum",
      queue({ pollers: { minimum: 9, maximum: 5 } }),
    ],
    ["a big batch without a window", "/sites/0/queues/0/windowSeconds", queue({ batchSize: 100 })],
    [
      "more than Lambda's time",
      "/sites/0/functions/worker/timeoutSeconds",
      { sites: [{ name: "london", functions: { worker: { timeoutSeconds: 901 } } }] },
    ],
    [
      "an action with a wildcard",
      "/sites/0/functions/worker/permissions/0/actions/0",
      {
        sites: [
          {
            name: "london",
            functions: { worker: { permissions: [{ actions: ["s3:*"], resources: ["arn:aws:s3:::a"] }] } },
          },
        ],
      },
    ],
    ["a prefix that no bucket may have", "/prefix", { prefix: "Fanfold" }],
    ["an open API", "/api/auth", { api: { auth: "none" } }],
    [
      "a user pool without Cognito",
      "/api/auth",
      { api: { userPoolArn: "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/a" } },
    ],
    ["a retention that CloudWatch does not know", "/logRetentionDays", { logRetentionDays: 2 }],
    ["a job longer than a year", "/jobTimeoutDays", { jobTimeoutDays: 366 }],
    ["an address that is none", "/alarms/email", { alarms: { email: "me" } }],
  ])("fanfold.config.ts with %s is refused, and the error names %s", (_title, field, fields) => {
    const refusal = refusalOf(() => defineConfig({ ...LEAST, ...fields } as FanfoldConfig));
    expect(refusal).toMatchObject({ code: "invalid_configuration", field });
  });
});
