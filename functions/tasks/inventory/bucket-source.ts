import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { env } from "node:process";
import { GetObjectCommand, paginateListObjectsV2, S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import type { FileDigest } from "./digest-file.ts";
import type { Source } from "./source-types.ts";
import type { Visit } from "./walk-folder.ts";

let shared: S3Client | undefined;
/** Returns the client of this process. Emulators address buckets by path, not by host name. */
function client(): S3Client {
  return (shared ??= new S3Client({
    forcePathStyle: (env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"]) !== undefined,
  }));
}

/**
 * Returns the objects whose keys begin with `prefix/`, or all objects of the bucket without a prefix. S3 lists keys in
 * byte order and can continue after any key. An empty object whose key ends in `/` stands for a folder, as tools create
 * them.
 */
export function bucketSource(bucket: string, prefix: string, s3: S3Client = client()): Source {
  const root = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  return {
    async *walk(after, signal): AsyncGenerator<Visit, void, undefined> {
      if (after === undefined) yield { kind: "directory", path: Buffer.alloc(0) };
      const start = after !== undefined && { StartAfter: root + after.toString("utf8") };
      for await (const page of paginateListObjectsV2(
        { client: s3 },
        { Bucket: bucket, Prefix: root, EncodingType: "url", ...start },
        { abortSignal: signal },
      )) {
        for (const { Key: listed = "", Size = 0 } of page.Contents ?? []) {
          // XML cannot carry every key, so S3 encodes them. Emulators may leave keys as they are, and their answer says
          // so.
          const Key = page.EncodingType === "url" ? decodeURIComponent(listed.replaceAll("+", "%20")) : listed;
          if (Key === root) continue;
          const path = Buffer.from(Key.slice(root.length), "utf8");
          if (Key.endsWith("/") && Size === 0) yield { kind: "directory", path };
          else yield { kind: "file", path, bytes: Size };
        }
        signal.throwIfAborted();
      }
    },
    async digest(path, signal): Promise<FileDigest> {
      signal.throwIfAborted();
      try {
        const { Body, ContentLength } = await s3.send(
          new GetObjectCommand({ Bucket: bucket, Key: root + path.toString("utf8") }),
          { abortSignal: signal },
        );
        const hash = createHash("sha256");
        let bytes = 0;
        for await (const piece of Body as AsyncIterable<Uint8Array>) {
          signal.throwIfAborted();
          hash.update(piece);
          bytes += piece.byteLength;
        }
        // One answer has one version of the object, but the connection may have been cut.
        if (ContentLength !== undefined && bytes !== ContentLength)
          throw new Error(`the object ended after ${bytes} of ${ContentLength} bytes`);
        return { bytes, sha256: hash.digest("hex") };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof S3ServiceException && OBJECT_ERRORS.has(error.name)) return { reason: error.name };
        throw error;
      }
    },
  };
}
/** Errors of a deleted, forbidden or archived object, which every attempt would meet. */
const OBJECT_ERRORS: ReadonlySet<string> = new Set(["NoSuchKey", "AccessDenied", "InvalidObjectState"]);
