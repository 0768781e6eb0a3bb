import { describe, expect, it } from "vitest";
import { BASE, flat, ofType, synthesise } from "../synth.ts";
import { at, SLOW_MS, templates } from "./london.ts";

describe("the api stack", () => {
  const methods = (from: typeof templates) =>
    ofType(from, "AWS::ApiGateway::Method").map(
      ({ Properties }) =>
        `${String(Properties["HttpMethod"])} ${pathOf(from, Properties["ResourceId"])} ${String(Properties["AuthorizationType"])}`,
    );
  const pathOf = (from: typeof templates, id: unknown): string =>
    flat(
      ofType(from, "AWS::ApiGateway::Resource").find((resource) => `<${resource.id}>` === flat(id))?.Properties[
        "PathPart"
      ] ?? "",
    );

  it("the API has no open route but /health", () =>
    expect(methods(templates).toSorted()).toEqual(["ANY {proxy+} AWS_IAM", "GET health NONE"]));
  it(
    "the API takes tokens of a user pool when the configuration says so",
    () => {
      const cognito = synthesise({ ...BASE, api: { auth: "cognito", scopes: ["fanfold/use"] } });
      expect(methods(cognito).toSorted()).toEqual(["ANY {proxy+} COGNITO_USER_POOLS", "GET health NONE"]);
      expect(ofType(cognito, "AWS::Cognito::UserPool")[0]).toMatchObject({
        DeletionPolicy: "Retain",
        Properties: { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } },
      });
      const own = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc";
      const foreign = synthesise({ ...BASE, api: { auth: "cognito", userPoolArn: own } });
      expect(ofType(foreign, "AWS::Cognito::UserPool")).toEqual([]);
      expect(at(ofType(foreign, "AWS::ApiGateway::Authorizer")[0]!.Properties, "ProviderARNs")).toEqual([own]);
    },
    SLOW_MS,
  );
  it("the API is throttled, and touches no setting of the account", () => {
    const [stage] = ofType(templates, "AWS::ApiGateway::Stage");
    expect(stage!.Properties["MethodSettings"]).toEqual([
      expect.objectContaining({ ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200, DataTraceEnabled: false }),
    ]);
    expect(ofType(templates, "AWS::ApiGateway::Account")).toEqual([]);
    expect(stage!.Properties["AccessLogSetting"]).toBeUndefined();
  });
  it.each([
    ["create", 1],
    ["exists", 0],
  ] as const)(
    "API Gateway writes logs when its role is said to be %s, and the access log names the request",
    (accountLogRole, roles) => {
      const logged = synthesise({ ...BASE, api: { accountLogRole } });
      expect(ofType(logged, "AWS::ApiGateway::Account")).toHaveLength(roles);
      const [stage] = ofType(logged, "AWS::ApiGateway::Stage");
      expect(flat(at(stage!.Properties, "AccessLogSetting", "Format"))).toContain("requestId");
      expect(at(stage!.Properties, "MethodSettings", 0, "LoggingLevel")).toBe("ERROR");
    },
    SLOW_MS,
  );
});
