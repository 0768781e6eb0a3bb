import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AwsPorts, createAwsPorts } from "../../functions/aws/aws-ports.ts";
import { emulatedVariables, isEmulated, makeBucket, useTestCredentials } from "./emulated.ts";
import { scriptedVariables } from "./scripted-server.ts";

const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");
const DAY = 86_400;
const NOW = Math.floor(Date.now() / 1_000);
const HASH = "a".repeat(64);

describe("content on S3", () => {
  const requests: string[] = [];
  let answer: (incoming: IncomingMessage, response: ServerResponse) => void;
  const server = createServer((incoming, response) => {
    const { method, url = "", headers } = incoming;
    requests.push(
      [method, url.split("?")[0], headers["x-amz-copy-source"], headers["range"]].filter(Boolean).join(" "),
    );
    answer(incoming, response);
  });
  let ports: AwsPorts;
  beforeAll(async () => {
    useTestCredentials();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    ports = createAwsPorts(scriptedVariables(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
  beforeEach(() => void (requests.length = 0));
  afterAll(() => server.close());
  /** Answers as S3 does for an object that its rule removes at a time, in seconds since the epoch. */
  const expiring = (at: number) => (incoming: IncomingMessage, response: ServerResponse) => {
    const expiration = `expiry-date="${new Date(at * 1_000).toUTCString()}", rule-id="after-the-longest-job"`;
    if (incoming.method === "HEAD") response.writeHead(200, { "Content-Length": "5", "x-amz-expiration": expiration });
    response.end(incoming.method === "PUT" ? "<CopyObjectResult><ETag>x</ETag></CopyObjectResult>" : undefined);
  };

  it("content that its rule removes late enough is only looked for", async () => {
    answer = expiring(NOW + 60 * DAY);
    expect(await ports.blobs.keep(HASH, NOW + 59 * DAY)).toBe(5);
    expect(requests).toEqual([`HEAD /bucket/contents/${HASH}`]);
  });

  it("content that its rule would remove too early is made new by a copy onto itself", async () => {
    answer = expiring(NOW + 60 * DAY);
    expect(await ports.blobs.keep(HASH, NOW + 61 * DAY)).toBe(5);
    expect(requests).toEqual([`HEAD /bucket/contents/${HASH}`, `PUT /bucket/contents/${HASH} bucket/contents/${HASH}`]);
  });

  it("content that is removed before the copy is missing", async () => {
    const before = expiring(NOW);
    answer = (incoming, response) => {
      if (incoming.method === "HEAD") return before(incoming, response);
      response.writeHead(404);
      response.end("<Error><Code>NoSuchKey</Code></Error>");
    };
    expect(await ports.blobs.keep(HASH, NOW + DAY)).toBeUndefined();
  });

  it("a download that breaks off goes on where it broke, and fails when nothing more comes", async () => {
    const content = Buffer.from("0123456789");
    const cutting = (most: number) => (incoming: IncomingMessage, response: ServerResponse) => {
      const from = Number(/bytes=(\d+)-/.exec(incoming.headers.range ?? "")?.[1] ?? 0);
      const rest = content.subarray(from);
      response.writeHead(incoming.method === "HEAD" ? 200 : 206, { "Content-Length": String(rest.length) });
      if (incoming.method === "HEAD") return response.end();
      return response.write(rest.subarray(0, most), () =>
        most >= rest.length ? response.end() : incoming.socket.destroy(),
      );
    };
    answer = cutting(4);
    const read: Uint8Array[] = [];
    for await (const piece of (await ports.blobs.open(HASH))?.content ?? []) read.push(piece);
    expect(Buffer.concat(read).toString()).toBe("0123456789");
    expect(requests.slice(1)).toEqual([0, 4, 8].map((at) => `GET /bucket/contents/${HASH} bytes=${at}-`));
    answer = cutting(0);
    const never = async (): Promise<void> => {
      for await (const piece of (await ports.blobs.open(HASH))?.content ?? []) read.push(piece);
    };
    await expect(never()).rejects.toMatchObject({ name: "PortError", kind: "outage" });
  });

  it("an address for an upload is for one content: its hash and its size are signed", async () => {
    const link = await ports.blobLinks.upload(HASH, 5);
    const { pathname, searchParams } = new URL(link.url);
    expect(pathname).toBe(`/bucket/contents/${HASH}`);
    expect(searchParams.get("X-Amz-SignedHeaders")).toBe("content-length;host;x-amz-checksum-sha256");
    expect(link.headers).toEqual({ "x-amz-checksum-sha256": Buffer.from(HASH, "hex").toString("base64") });
    expect(link.expiresAt).toBeGreaterThan(Date.now() + 600_000);
    expect(requests).toEqual([]);
  });
});

describe.runIf(isEmulated("S3"))("blobs by signed addresses, where AWS_ENDPOINT_URL names an S3", () => {
  it("content that is sent to its address is there, and its other address gives it back", async () => {
    const variables = emulatedVariables();
    await makeBucket(variables);
    const { blobs, blobLinks } = createAwsPorts(variables);
    const content = Buffer.alloc(1_000_000, "x");
    const { url, headers } = await blobLinks.upload(sha256(content), content.length);
    expect((await fetch(url, { method: "PUT", body: content, headers })).status).toBe(200);
    expect(await blobs.keep(sha256(content), NOW)).toBe(content.length);
    const read = await fetch(await blobLinks.download(sha256(content)));
    expect(content.equals(Buffer.from(await read.arrayBuffer()))).toBe(true);
  });
});
