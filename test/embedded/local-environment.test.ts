import { describe, expect, it, vi } from "vitest";
import { startFanfold } from "../../functions/embedded/index.ts";
import { provideEnvironment, secretNames } from "../../functions/embedded/local-environment.ts";
import { defineConfig, type SiteConfig } from "../../functions/sdk/config.ts";
import { defineResource, defineTask } from "../../functions/sdk/index.ts";
import { refusalOf } from "../core/refusal.ts";
import { newFolder } from "./harness.ts";

const settings = (...sites: Partial<SiteConfig>[]) =>
  defineConfig({
    site: "s0",
    concurrency: 8,
    jobTimeoutDays: 30,
    retentionDays: 7,
    sites: sites.map((site, k) => ({ name: `s${k}`, ...site })),
  });

describe("what tasks need, on one machine", () => {
  it("variables that are not set have the values of the configuration", () => {
    const variables = { A: "mine", EMPTY: "" };
    provideEnvironment(settings({ environment: { A: "theirs", B: "b", EMPTY: "full" } }), variables);
    expect(variables).toEqual({ A: "mine", B: "b", EMPTY: "" });
  });
  it("all that are missing are named at once, before anything is started", async () => {
    const needs = settings(
      { secrets: { STRIPE: { secret: "a" }, SALT: { parameter: "b" } }, environment: { TABLE: "${Token[TABLE.1]}" } },
      { environment: { REGION: "one" } },
      { environment: { REGION: "two" } },
    );
    expect(secretNames(needs)).toEqual(["STRIPE", "SALT"]);
    const refusal = refusalOf(() => provideEnvironment(needs, { SALT: "", OTHER: "x" }));
    expect(refusal).toMatchObject({
      code: "missing_environment",
      details: { names: ["STRIPE", "SALT", "TABLE", "REGION"] },
    });
    const set = { STRIPE: "1", SALT: "2", TABLE: "3", REGION: "4" };
    expect(() => provideEnvironment(needs, set)).not.toThrow();
    await expect(startFanfold({ tasks: {}, data: newFolder(), settings: needs })).rejects.toMatchObject({
      code: "missing_environment",
    });
  });
  it("tasks, and resources that they use, are given what the environment has", async () => {
    vi.stubEnv("STRIPE", "sk_1");
    const api = defineResource({ name: "api", open: async ({ secret }) => `api with ${await secret("STRIPE")}` });
    const ask = defineTask({ name: "ask", run: async (ctx) => [await ctx.use(api), await ctx.secret("STRIPE")] });
    const other = defineTask({ name: "other", run: (ctx) => ctx.secret("HOME") });
    const fanfold = await startFanfold({
      tasks: { ask, other },
      data: newFolder(),
      settings: settings({ secrets: { STRIPE: { secret: "a" } } }),
    });
    try {
      expect(await fanfold.run(ask.s())).toEqual(["api with sk_1", "sk_1"]);
      await expect(fanfold.run(other.s())).rejects.toThrow("`secrets` of fanfold.config.ts does not name it");
    } finally {
      await fanfold.stop();
      vi.unstubAllEnvs();
    }
  });
});
