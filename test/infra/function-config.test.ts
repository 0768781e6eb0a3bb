import { Fn } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import { defineConfig, type FanfoldConfig, type SiteConfig } from "../../functions/sdk/config.ts";
import { refusalOf } from "../core/refusal.ts";

const LEAST: FanfoldConfig = { site: "london", concurrency: 8, jobTimeoutDays: 30, retentionDays: 7 };
const withSite = (site: Partial<SiteConfig>) => () => defineConfig({ ...LEAST, sites: [{ name: "london", ...site }] });
const layers = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, k) => `arn:aws:lambda:eu-central-1:123456789012:layer:l${first + k}:1`);

describe("what tasks need, in fanfold.config.ts", () => {
  it("functions have what their site names, and their own comes first", () => {
    const [site] = withSite({
      environment: { A: "site", B: "site" },
      secrets: { S: { parameter: "/s" } },
      vpc: { subnetIds: ["subnet-1"], securityGroupIds: ["sg-1"] },
      functions: { worker: { environment: { B: "own" }, secrets: { T: { secret: "t" } } } },
    })().sites;
    expect(site?.functions[0]).toMatchObject({
      environment: { A: "site", B: "own" },
      secrets: { S: { parameter: "/s", ttlSeconds: 300 }, T: { secret: "t", ttlSeconds: 300 } },
      vpc: { subnetIds: ["subnet-1"], securityGroupIds: ["sg-1"] },
    });
  });
  it("tokens of CDK are accepted where AWS knows the value at deploy time", () => {
    const token = Fn.importValue("x");
    const [site] = withSite({
      environment: { A: token },
      secrets: { S: { secret: token }, P: { parameter: token, key: token } },
      layers: [token],
      functions: { worker: { permissions: [{ actions: ["s3:GetObject"], resources: [token, `${token}/*`] }] } },
    })().sites;
    expect(site?.functions[0]?.permissions[0]?.resources).toEqual([token, `${token}/*`]);
  });
  it.each<[Partial<SiteConfig>, string]>([
    [{ environment: { "A-B": "1" } }, "/sites/0/environment/A-B"],
    [{ environment: { FANFOLD_PREFIX: "x" } }, "/sites/0/environment/FANFOLD_PREFIX"],
    [{ environment: { AWS_REGION: "x" } }, "/sites/0/environment/AWS_REGION"],
    [{ environment: { A: 1 as never } }, "/sites/0/environment/A"],
    [{ secrets: { S: {} } }, "/sites/0/secrets/S/secret"],
    [{ secrets: { S: { secret: "a", parameter: "b" } } }, "/sites/0/secrets/S/secret"],
    [{ secrets: { S: { parameter: "b", field: "x" } } }, "/sites/0/secrets/S/field"],
    [{ secrets: { S: { secret: "a b" } } }, "/sites/0/secrets/S/secret"],
    [{ secrets: { S: { secret: "arn:aws:ssm:eu-central-1:1:parameter/a" } } }, "/sites/0/secrets/S/secret"],
    [{ secrets: { S: { secret: "a", ttlSeconds: -1 } } }, "/sites/0/secrets/S/ttlSeconds"],
    [{ secrets: { S: { secret: "a", value: "123" } as never } }, "/sites/0/secrets/S"],
    [{ environment: { S: "1" }, secrets: { S: { secret: "a" } } }, "/sites/0/secrets/S"],
    [
      { environment: { S: "1" }, functions: { worker: { secrets: { S: { secret: "a" } } } } },
      "/sites/0/functions/worker/secrets/S",
    ],
    [{ vpc: { subnetIds: [], securityGroupIds: ["sg-1"] } }, "/sites/0/vpc/subnetIds"],
    [{ layers: ["ffmpeg"] }, "/sites/0/layers/0"],
    [{ layers: layers(0, 6) }, "/sites/0/layers"],
    [{ layers: layers(0, 3), functions: { worker: { layers: layers(3, 3) } } }, "/sites/0/functions/worker/layers"],
    [
      { functions: { worker: { permissions: [{ actions: ["s3:GetObject"], resources: ["bucket"] }] } } },
      "/sites/0/functions/worker/permissions/0/resources/0",
    ],
  ])("what AWS would refuse, or nobody would read, is refused: %j", (site, field) => {
    expect(refusalOf(withSite(site))).toMatchObject({ code: "invalid_configuration", details: { field } });
  });
});
