import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../functions/api/app.ts";
import { loopbackSecurity, noSecurity } from "../../functions/api/security.ts";
import { createClient } from "../../functions/client/index.ts";
import type { BlobLinks } from "../../functions/engine/ports.ts";
import { type Api, startApi } from "./api.ts";

const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");
const BYTES = { "Content-Type": "application/octet-stream" };
const problem = async (response: Response): Promise<unknown> => {
  const { status, code, field } = (await response.json()) as { status: number; code: string; field?: string };
  return field === undefined ? [status, code] : [status, code, field];
};
const put = (api: Api, body: string, query = "", headers: Record<string, string> = BYTES): Promise<Response> =>
  api.ask("PUT", `/blobs${query}`, { body, headers });

describe("blobs by the API", () => {
  it("content that is put is answered with its reference, and comes back as it was", async () => {
    const api = startApi();
    const stored = await put(api, "hello", "?type=text/plain");
    expect([stored.status, await stored.json()]).toEqual([
      200,
      { $blob: sha256("hello"), bytes: 5, type: "text/plain" },
    ]);
    expect(await (await put(api, "hello")).json()).toMatchObject({
      $blob: sha256("hello"),
      type: "application/octet-stream",
    });
    const read = await api.ask("GET", `/blobs/${sha256("hello")}`);
    expect([read.status, read.headers.get("Content-Length"), await read.text()]).toEqual([200, "5", "hello"]);
    const head = await api.ask("HEAD", `/blobs/${sha256("hello")}`);
    expect([head.status, head.headers.get("Content-Length"), await head.text()]).toEqual([200, "5", ""]);
  });

  it("content is never served as a page, whatever its reference says", async () => {
    const api = startApi();
    await put(api, "<script>", "?type=text/html");
    const { headers } = await api.ask("GET", `/blobs/${sha256("<script>")}`);
    expect(headers.get("Content-Type")).toBe("application/octet-stream");
    expect(headers.get("Content-Disposition")).toMatch(/^attachment;/);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  });

  it("content that is not the announced one is refused, and nothing is stored", async () => {
    const api = startApi();
    expect(await problem(await put(api, "other", `?sha256=${sha256("hello")}`))).toEqual([400, "blob_mismatch"]);
    expect(await problem(await api.ask("GET", `/blobs/${sha256("other")}`))).toEqual([404, "blob_not_found"]);
    expect((await put(api, "hello", `?sha256=${sha256("hello")}`)).status).toBe(200);
  });

  it("what is no blob is refused by the field that is wrong", async () => {
    const api = startApi();
    const forms = { "Content-Type": "application/x-www-form-urlencoded" };
    expect(await problem(await put(api, "x", "", forms))).toEqual([415, "unsupported_media_type"]);
    expect(await problem(await put(api, "x", "?type=nonsense"))).toEqual([400, "invalid_request", "?type"]);
    expect(await problem(await put(api, "x", "?sha256=ABC"))).toEqual([400, "invalid_request", "?sha256"]);
    const large = { ...BYTES, "Content-Length": String(6 * 1024 ** 3) };
    expect(await problem(await put(api, "x", "", large))).toEqual([413, "payload_too_large"]);
    expect(await problem(await api.ask("GET", "/blobs/ABC"))).toEqual([400, "invalid_request", "{sha256}"]);
    expect(await problem(await api.ask("POST", "/blobs", { json: { bytes: -1 } }))).toEqual([
      400,
      "invalid_request",
      "/bytes",
    ]);
    expect(await problem(await api.ask("POST", "/blobs", { json: { type: "x" } }))).toEqual([
      400,
      "invalid_request",
      "/type",
    ]);
  });

  it("blobs need the token as everything does", async () => {
    const api = startApi({ security: loopbackSecurity({ token: "secret", port: () => 7420 }) });
    for (const [method, path] of [
      ["PUT", "/blobs"],
      ["POST", "/blobs"],
      ["GET", `/blobs/${sha256("x")}`],
    ] as const)
      expect((await api.ask(method, path, { headers: { ...BYTES, Host: "127.0.0.1:7420" } })).status).toBe(401);
  });
});

describe("blobs by the client", () => {
  it("text, bytes, Blobs and streams are put, and opened as streams", async () => {
    const { client } = startApi();
    const contents = ["hello", new TextEncoder().encode("hello"), new Blob(["hel", "lo"]), new Response("hello").body!];
    for (const content of contents)
      expect(await client.blobs.put(content, { type: "text/plain" })).toEqual({
        $blob: sha256("hello"),
        bytes: 5,
        type: "text/plain",
      });
    expect(await client.blobs.put(new Blob(["<p>"], { type: "text/html" }))).toMatchObject({ type: "text/html" });
    const ref = await client.blobs.put("");
    expect(await new Response(await client.blobs.open(ref)).text()).toBe("");
    expect(await new Response(await client.blobs.open(sha256("hello"))).text()).toBe("hello");
  });

  it("what cannot be put or opened is refused with a code", async () => {
    const { client } = startApi();
    await expect(client.blobs.put(5 as never)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(client.blobs.put("x", { type: "nonsense" })).rejects.toMatchObject({ code: "invalid_request" });
    await expect(client.blobs.open("nonsense")).rejects.toMatchObject({ code: "invalid_request" });
    await expect(client.blobs.open(sha256("nowhere"))).rejects.toMatchObject({ code: "blob_not_found" });
  });
});

describe("where the API carries no content, as on AWS", () => {
  afterEach(() => void vi.unstubAllGlobals());
  /** A bucket that takes uploads as S3 does, and the API before it. */
  function startElsewhere() {
    const { local } = startApi();
    const taken: string[] = [];
    const blobLinks: BlobLinks = {
      upload: async (hash, bytes) => ({
        url: `https://bucket.test/contents/${hash}?bytes=${bytes}&signature=x`,
        headers: { "x-amz-checksum-sha256": hash },
        expiresAt: 5,
      }),
      download: async (hash) => `https://bucket.test/contents/${hash}?signature=y`,
    };
    const app = createApp({
      engine: local.engine,
      blobLinks,
      workflows: { list: () => [], start: () => Promise.reject(new Error("none")) as never },
      registry: { info: () => undefined },
      security: noSecurity(),
      version: "1.2.3",
      health: async () => ({ store: { writable: true }, queues: {} }),
    });
    const bucket = async (request: Request): Promise<Response> => {
      expect(request.headers.get("Authorization")).toBeNull();
      const url = new URL(request.url);
      if (request.method === "GET") {
        const { content } = await local.engine.openBlob(url.pathname.split("/").at(-1) ?? "");
        return new Response(content as never);
      }
      const content = new Uint8Array(await request.arrayBuffer());
      const right =
        sha256(content) === request.headers.get("x-amz-checksum-sha256") &&
        String(content.byteLength) === url.searchParams.get("bytes");
      if (!right) return new Response("<Error><Code>BadDigest</Code></Error>", { status: 400 });
      taken.push(url.pathname);
      await local.engine.putBlob(new Response(content).body as never);
      return new Response(null, { status: 200 });
    };
    // The client's own fetch signs for the API, so it must not touch what the bucket is sent.
    vi.stubGlobal("fetch", bucket);
    const send = async (request: Request): Promise<Response> => app.fetch(request);
    const client = createClient({
      url: "https://api.test/v1",
      token: "secret",
      fetch: (request) => route(request, send),
    });
    return { client, app, taken };
  }
  /** The API has a stage in its path. */
  const route = (request: Request, send: (request: Request) => Promise<Response>): Promise<Response> => {
    expect(new URL(request.url).host).toBe("api.test");
    return send(new Request(request.url.replace("/v1/", "/"), request));
  };

  it("content goes to the address that the API signs, with its hash, and equal content goes nowhere", async () => {
    const { client, taken } = startElsewhere();
    const ref = { $blob: sha256("hello"), bytes: 5, type: "text/plain" };
    expect(await client.blobs.put("hello", { type: "text/plain" })).toEqual(ref);
    expect(taken).toEqual([`/contents/${sha256("hello")}`]);
    expect(await client.blobs.put(new Blob(["hello"]), { type: "text/plain" })).toEqual(ref);
    expect(taken).toHaveLength(1);
    expect(await new Response(await client.blobs.open(ref)).text()).toBe("hello");
  });

  it("a stream is refused before any of it is read, because its hash has to be known first", async () => {
    const { client } = startElsewhere();
    let pulls = 0;
    const stream = new ReadableStream<Uint8Array>({ pull: () => void pulls++ }, { highWaterMark: 0 });
    await expect(client.blobs.put(stream)).rejects.toMatchObject({
      code: "invalid_request",
      details: { field: "/sha256" },
    });
    expect([pulls, stream.locked]).toEqual([0, false]);
  });

  it("content that is sent to the API itself is refused, and reads are sent on", async () => {
    const { app, client } = startElsewhere();
    const sent = await app.request("/blobs", { method: "PUT", body: "x", headers: BYTES });
    expect(await problem(sent)).toEqual([409, "upload_elsewhere"]);
    await client.blobs.put("hello");
    const read = await app.request(`/blobs/${sha256("hello")}`);
    expect([read.status, read.headers.get("Location")]).toEqual([
      302,
      `https://bucket.test/contents/${sha256("hello")}?signature=y`,
    ]);
    expect(await problem(await app.request(`/blobs/${sha256("gone")}`))).toEqual([404, "blob_not_found"]);
  });

  it("content that S3 refuses as another one is a mismatch", async () => {
    const { client } = startElsewhere();
    const changing = new Blob(["first"]);
    const stream = changing.stream.bind(changing);
    let reads = 0;
    changing.stream = () => (reads++ === 0 ? stream() : (new Blob(["other"]).stream() as ReturnType<typeof stream>));
    await expect(client.blobs.put(changing)).rejects.toMatchObject({ code: "blob_mismatch" });
  });
});
