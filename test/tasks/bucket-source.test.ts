import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bucketSource } from "../../functions/tasks/inventory/bucket-source.ts";
import { NOTHING } from "../../functions/tasks/inventory/chunk.ts";
import { cutChunks } from "../../functions/tasks/inventory/cut-chunks.ts";
import { digestChunk } from "../../functions/tasks/inventory/digest-chunk.ts";
import { S3_URL } from "../../functions/tasks/inventory/source.ts";
import { allOf } from "./all-of.ts";

const OBJECTS: Readonly<Record<string, string>> = {
  "in/a b+c.txt": "one",
  "in/deep/": "",
  "in/deep/é.txt": "two",
  "in/z\u0001.bin": "three",
  "inside.txt": "no",
};
const { signal } = new AbortController();

/** Plays as much of S3 as the source needs: two keys a page, keys URL-encoded. */
function answer(url: URL): { status: number; body: string } {
  const key = decodeURIComponent(url.pathname.split("/").slice(2).join("/"));
  if (key !== "") {
    const content = OBJECTS[key];
    return content === undefined
      ? { status: 404, body: "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>" }
      : { status: 200, body: content };
  }
  if (!url.pathname.startsWith("/my-bucket"))
    return { status: 404, body: "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>" };
  const after = url.searchParams.get("continuation-token") ?? url.searchParams.get("start-after") ?? "";
  const keys = Object.keys(OBJECTS)
    .filter((each) => each.startsWith(url.searchParams.get("prefix") ?? "") && each > after)
    .toSorted();
  const page = keys.slice(0, 2);
  const contents = page.map(
    (each) =>
      `<Contents><Key>${encodeURIComponent(each).replaceAll("%20", "+")}</Key><Size>${OBJECTS[each]!.length}</Size></Contents>`,
  );
  const next =
    keys.length > 2
      ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${page[1]}</NextContinuationToken>`
      : "<IsTruncated>false</IsTruncated>";
  return {
    status: 200,
    body: `<ListBucketResult><EncodingType>url</EncodingType>${next}${contents.join("")}</ListBucketResult>`,
  };
}

describe("a bucket as a source", () => {
  let server: Server;
  let s3: S3Client;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { status, body } = answer(new URL(request.url ?? "/", "http://s3"));
      response.writeHead(status, { "Content-Length": Buffer.byteLength(body) }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    s3 = new S3Client({
      endpoint,
      region: "eu-west-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      maxAttempts: 1,
    });
  });
  afterAll(() => {
    s3.destroy();
    server.close();
  });

  it("a bucket lists the objects below the prefix, page by page, and no others", async () => {
    const visits = await allOf(bucketSource("my-bucket", "in", s3).walk(undefined, signal));
    expect(visits.map(({ kind, path }) => [kind, path.toString()])).toEqual([
      ["directory", ""],
      ["file", "a b+c.txt"],
      ["directory", "deep/"],
      ["file", "deep/é.txt"],
      ["file", "z\u0001.bin"],
    ]);
  });
  it("a bucket continues after a path", async () => {
    const visits = await allOf(bucketSource("my-bucket", "in/", s3).walk(Buffer.from("deep/"), signal));
    expect(visits.map(({ path }) => path.toString())).toEqual(["deep/é.txt", "z\u0001.bin"]);
  });
  it("a bucket digests objects, and gives the reason when it cannot", async () => {
    const source = bucketSource("my-bucket", "in", s3);
    const [cut] = await allOf(cutChunks(source.walk(undefined, signal), NOTHING, 10));
    const { files, failures } = await digestChunk(
      source,
      { ...cut!.chunk, files: [...cut!.chunk.files, "gone"] },
      signal,
    );
    expect(files[0]).toEqual(["a b+c.txt", 3, createHash("sha256").update("one").digest("hex")]);
    expect(files.map(([path]) => path)).toEqual(["a b+c.txt", "deep/é.txt", "z\\x01.bin"]);
    expect(failures).toEqual([["gone", "NoSuchKey"]]);
  });
  it("a missing bucket throws", async () => {
    await expect(allOf(bucketSource("other-bucket", "", s3).walk(undefined, signal))).rejects.toMatchObject({
      name: "NoSuchBucket",
    });
  });
  it.each([["s3://my-bucket"], ["s3://my-bucket/"], ["s3://my.bucket/a b/ü"]])("the URL %s names a bucket", (url) =>
    expect(S3_URL.test(url)).toBe(true),
  );
  it.each([["s3://"], ["s3://B/x"], ["/s3://my-bucket"], ["http://my-bucket"]])("the URL %s names no bucket", (url) =>
    expect(S3_URL.test(url)).toBe(false),
  );
});
