import * as z from "zod";
import { type BlobRef, blobTypeOf } from "../../core/blob-ref.ts";
import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { blobLink, blobRef, blobUpload } from "../blob-schemas.ts";
import { invalid, route } from "../route.ts";
import { flag } from "../query-schemas.ts";

const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "is no SHA-256: 64 lower-case hex digits")
  .describe("SHA-256 of the content, in hex");
const type = z.string().max(LIMITS.blobTypeCharacters).describe("Media type, kept in the reference only");
const bytes = z.number().int().min(0).max(LIMITS.blobBytes).describe("Size of the content in bytes");
const params = z.strictObject({ sha256 });

export const blobRoutes = [
  route({
    method: "POST",
    path: "/blobs",
    operation: "planUpload",
    summary: "Say where the content of a blob goes",
    description:
      "Answers `blob` when the content is here already, else `upload`: where to PUT it, with which headers. Without " +
      "`sha256` and `bytes`, content can only go to this server, which not every one takes.",
    body: {
      kind: "json",
      schema: z.strictObject({ type: type.optional(), sha256: sha256.optional(), bytes: bytes.optional() }),
      optional: true,
      maxBytes: 4_096,
    },
    replies: { 200: { description: "The blob, or where its content goes", schema: blobUpload } },
    async handle({ body: { type, sha256, bytes } }, { engine, blobLinks }) {
      const named = blobTypeOf(type, "/type");
      const kept = sha256 === undefined ? undefined : await engine.keepBlob(sha256);
      if (sha256 !== undefined && kept !== undefined)
        return Response.json({ blob: { $blob: sha256, bytes: kept, type: named } satisfies BlobRef });
      if (!blobLinks) return Response.json({ upload: { url: ownUpload(named, sha256), headers: OWN_HEADERS } });
      if (sha256 === undefined) throw invalid("/sha256", NEEDED);
      if (bytes === undefined) throw invalid("/bytes", NEEDED);
      return Response.json({ upload: await blobLinks.upload(sha256, bytes) });
    },
  }),
  route({
    method: "PUT",
    path: "/blobs",
    operation: "putBlob",
    summary: "Store content under its SHA-256, as it arrives",
    description:
      "Idempotent: equal content is one blob. Refused where content goes elsewhere (`POST /blobs` says where).",
    query: z.strictObject({ sha256: sha256.optional(), type: type.optional() }),
    body: { kind: "bytes", maxBytes: LIMITS.blobBytes },
    replies: { 200: { description: "A reference to the blob", schema: blobRef } },
    async handle({ query, body }, { engine, blobLinks }) {
      if (blobLinks)
        throw new FanfoldError("upload_elsewhere", "this API carries no content: POST /blobs says where it goes");
      blobTypeOf(query.type, "?type");
      return Response.json(await engine.putBlob(body, query));
    },
  }),
  route({
    method: "GET",
    path: "/blobs/{sha256}",
    operation: "getBlob",
    summary: "The content of a blob, as it is read",
    description:
      "Where content is elsewhere, the answer is a redirect, or with `link` its address as JSON. A redirect suits tools " +
      "that sign nothing: headers of a signature must not come with it.",
    params,
    query: z.strictObject({ link: flag }),
    replies: {
      200: {
        description: "The content; or where it is, with `link` and elsewhere",
        schema: blobLink,
        texts: ["application/octet-stream"],
      },
      302: { description: "Where the content is, for some minutes" },
    },
    async handle({ params: { sha256 }, query: { link }, request }, { engine, blobLinks }) {
      const opened = await engine.openBlob(sha256);
      if (blobLinks) {
        const url = await blobLinks.download(sha256);
        return link ? Response.json({ url }) : new Response(null, { status: 302, headers: { Location: url } });
      }
      // A browser must never show content of strangers as a page of this server.
      const headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": `attachment; filename="${sha256}"`,
        "Content-Length": String(opened.bytes),
      };
      return new Response(request.method === "HEAD" ? null : ReadableStream.from(opened.content), { headers });
    },
  }),
];

const NEEDED = "this deployment keeps content in S3, which checks it: say its sha256 and bytes";
const OWN_HEADERS = { "Content-Type": "application/octet-stream" };
function ownUpload(type: string, sha256: string | undefined): string {
  return `/blobs?${new URLSearchParams({ type, ...(sha256 !== undefined && { sha256 }) }).toString()}`;
}
