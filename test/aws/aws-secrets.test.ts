import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSecret, type SecretPlace } from "../../functions/aws/aws-secrets.ts";
import { useTestCredentials } from "./emulated.ts";
import { scriptedServer, type ScriptedServer, scriptedVariables } from "./scripted-server.ts";

describe("secrets on AWS", () => {
  let server: ScriptedServer;
  beforeAll(async () => {
    server = await scriptedServer();
  });
  afterAll(() => server.close());
  const read = (place: SecretPlace) =>
    readSecret(place, {
      ...scriptedVariables(server.endpoint),
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    });

  it("a secret is read whole, or a field of it", async () => {
    server.script({ body: { SecretString: '{"user":"app","port":5432,"none":null}' } });
    expect(await read({ secret: "shop/db" })).toEqual({ value: '{"user":"app","port":5432,"none":null}' });
    expect(server.requests).toMatchObject([{ action: "GetSecretValue", body: { SecretId: "shop/db" } }]);
    expect(await read({ secret: "shop/db", field: "user" })).toEqual({ value: "app" });
    expect(await read({ secret: "shop/db", field: "port" })).toEqual({ value: "5432" });
    for (const field of ["none", "other", "toString"])
      expect(await read({ secret: "shop/db", field })).toMatchObject({ passing: false });
  });
  it("a parameter is read decrypted", async () => {
    server.script({ body: { Parameter: { Value: "salt" } } });
    expect(await read({ parameter: "/shop/salt" })).toEqual({ value: "salt" });
    expect(server.requests).toMatchObject([
      { action: "GetParameter", body: { Name: "/shop/salt", WithDecryption: true } },
    ]);
  });
  it("a problem has the code of AWS, says whether it may pass, and never shows the value", async () => {
    server.script({ error: "ResourceNotFoundException" });
    expect(await read({ secret: "gone" })).toEqual({ problem: "ResourceNotFoundException", passing: false });
    server.script({ error: "ThrottlingException" });
    expect(await read({ secret: "busy" })).toEqual({ problem: "ThrottlingException", passing: true });
    server.script({ body: { SecretBinary: "c2VjcmV0" } });
    expect(await read({ secret: "bytes" })).toEqual({ problem: "it holds bytes, and no text", passing: false });
    server.script({ body: { SecretString: "no json at all" } });
    const answer = await read({ secret: "text", field: "user" });
    expect(answer).toMatchObject({ passing: false });
    expect(JSON.stringify(answer)).not.toContain("no json at all");
  });
  it("an unreachable AWS may be reached later", async () => {
    const variables = { AWS_ENDPOINT_URL: "http://127.0.0.1:1", AWS_ACCESS_KEY_ID: "t", AWS_SECRET_ACCESS_KEY: "t" };
    expect(await readSecret({ secret: "a" }, variables)).toMatchObject({ passing: true });
  });
});

const emulator = process.env["AWS_ENDPOINT_URL"];
describe.skipIf(emulator === undefined)("secrets on an emulator", () => {
  it("a secret and a parameter are read as they were put", async () => {
    useTestCredentials();
    const variables = { AWS_REGION: "us-east-1", ...process.env };
    const put = async (service: string, target: string, body: object): Promise<void> => {
      const aws = new AwsClient({ accessKeyId: "test", secretAccessKey: "test", region: "us-east-1", service });
      const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
      const answer = await aws.fetch(emulator as string, { method: "POST", headers, body: JSON.stringify(body) });
      expect(await answer.text().then((text) => [answer.status, text])).toEqual([200, expect.any(String)]);
    };
    const name = `fanfold-test-${process.pid}-${performance.now().toFixed(0)}`;
    await put("secretsmanager", "secretsmanager.CreateSecret", { Name: name, SecretString: '{"key":"sk_1"}' });
    await put("ssm", "AmazonSSM.PutParameter", { Name: `/${name}`, Value: "salt", Type: "SecureString" });
    expect(await readSecret({ secret: name, field: "key" }, variables)).toEqual({ value: "sk_1" });
    expect(await readSecret({ parameter: `/${name}` }, variables)).toEqual({ value: "salt" });
    expect(await readSecret({ secret: `${name}-none` }, variables)).toEqual({
      problem: "ResourceNotFoundException",
      passing: false,
    });
    expect(await readSecret({ parameter: `/${name}-none` }, variables)).toEqual({
      problem: "ParameterNotFound",
      passing: false,
    });
  });
});
