import { AwsClient } from "aws4fetch";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createClient } from "../../functions/client/index.ts";
import { isOnAws } from "../../functions/client/sign-requests.ts";

const URL_ON_AWS = "https://a1b2c3.execute-api.eu-west-2.amazonaws.com/v1";
const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
const NAMES = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"];

/** A server that answers with what it was sent. */
function sent(options: Partial<Parameters<typeof createClient>[0]>) {
  const requests: Request[] = [];
  const client = createClient({
    url: URL_ON_AWS,
    ...options,
    fetch: (request) => {
      requests.push(request);
      return Response.json({ items: [], jobId: "j", created: true });
    },
  });
  return { client, requests };
}
const scopeOf = (request: Request | undefined): string | undefined =>
  /Credential=([^,]+)/.exec(request?.headers.get("Authorization") ?? "")?.[1]?.replace(/\/\d{8}\//, "/DATE/");

beforeEach(() => NAMES.forEach((name) => vi.stubEnv(name, undefined)));
afterEach(() => vi.unstubAllEnvs());

describe("requests to a deployment on AWS", () => {
  it("are signed with the keys of the environment, for the region of the address", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", KEYS.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", KEYS.secretAccessKey);
    vi.stubEnv("AWS_SESSION_TOKEN", "session");
    const { client, requests } = sent({});
    await client.jobs();
    expect(scopeOf(requests[0])).toBe("AKIDEXAMPLE/DATE/eu-west-2/execute-api/aws4_request");
    expect(requests[0]?.headers.get("X-Amz-Security-Token")).toBe("session");
  });
  it("carry the signature of what they carry: another body would need another one", async () => {
    const { client, requests } = sent({ aws: { credentials: KEYS, region: "eu-west-1" } });
    await client.start("w", { n: 1 });
    const [request] = requests as [Request];
    const body = await request.clone().text();
    const signer = new AwsClient({ ...KEYS, service: "execute-api", region: "eu-west-1" });
    const datetime = request.headers.get("X-Amz-Date") as string;
    const sign = async (text: string) => {
      const signed = await signer.sign(request.url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: text,
        aws: { datetime },
      });
      return signed.headers.get("Authorization");
    };
    expect(JSON.parse(body)).toEqual({ fields: { n: 1 } });
    expect(request.headers.get("Authorization")).toBe(await sign(body));
    expect(request.headers.get("Authorization")).not.toBe(await sign(body.replace("1", "2")));
  });
  it("ask a function for keys each time, so that they may change", async () => {
    let asked = 0;
    const { client, requests } = sent({ aws: { credentials: () => ({ ...KEYS, accessKeyId: `K${++asked}` }) } });
    await client.jobs();
    await client.jobs();
    expect(requests.map(scopeOf).map((scope) => scope?.slice(0, 2))).toEqual(["K1", "K2"]);
  });
  it("are not signed elsewhere, with a token, or when that is said", async () => {
    expect([URL_ON_AWS, "http://127.0.0.1:7420", "https://fanfold.example.com"].map(isOnAws)).toEqual([
      true,
      false,
      false,
    ]);
    for (const options of [{ url: "http://127.0.0.1:7420" }, { token: "t" }, { aws: false }]) {
      const { client, requests } = sent(options);
      await client.jobs();
      expect(requests[0]?.headers.get("X-Amz-Date")).toBeNull();
    }
  });
  it("say what is missing", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", KEYS.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", KEYS.secretAccessKey);
    vi.stubEnv("AWS_CONFIG_FILE", "/nowhere");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    await expect(sent({ url: "https://fanfold.example.com", aws: true }).client.jobs()).rejects.toMatchObject({
      code: "invalid_configuration",
      message: expect.stringContaining("AWS_REGION") as string,
    });
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    await expect(sent({ aws: { profile: "nobody" } }).client.jobs()).rejects.toMatchObject({
      code: "invalid_configuration",
      message: expect.stringContaining("the AWS profile nobody has no credentials") as string,
    });
  });
  it("are refused by API Gateway in a form of its own, which reads as an error of the client", async () => {
    const client = createClient({
      url: URL_ON_AWS,
      aws: { credentials: KEYS },
      fetch: () =>
        Response.json({ message: "The security token included in the request is invalid." }, { status: 403 }),
    });
    await expect(client.jobs()).rejects.toMatchObject({
      code: "unauthorized",
      message: "AWS refuses your credentials: The security token included in the request is invalid.",
    });
  });
});
