import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { env } from "node:process";
import { GetObjectCommand, paginateListObjectsV2, S3Client, S3ServiceException } from "@aws-sdk/client-s3";
import type { FileDigest } from "./digest-file.ts";
import type { Source } from "./source-types.ts";
import type { Visit } from "./walk-folder.ts";

let shared: S3Client | undefined;
/** One per process. Emulators know buckets by path, not by host name. */
function client(): S3Client {
  return (shared ??= new S3Client({ forcePathStyle: (env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"]) !== undefined }));
}

/**
 * The objects whose keys begin with `prefix/`; without a prefix, all of a bucket. S3 lists keys in the order of their bytes and can go on behind any of them. A key
 * that ends in `/` stands for a folder, as tools make them.
 */
export function bucketSource(bucket: string, prefix: string, s3: S3Client = client()): Source {
  const root = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  return {
    async *walk(after, signal): AsyncGenerator<Visit, void, undefined> {
      if (after === undefined) yield { kind: "directory", path: Buffer.alloc(0) };
      const StartAfter = after === undefined ? {} : { StartAfter: root + after.toString("utf8") };
      for await (const page of paginateListObjectsV2(
        { client: s3 },
        { Bucket: bucket, Prefix: root, EncodingType: "url", ...StartAfter },
        { abortSignal: signal },
      )) {
        for (const { Key: listed = "", Size = 0 } of page.Contents ?? []) {
          // XML cannot carry every key, so they come encoded; emulators may leave them as they are, and say so.
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
        const { Body, ContentLength } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: root + path.toString("utf8") }), { abortSignal: signal });
        const hash = createHash("sha256");
        let bytes = 0;
        for await (const piece of Body as AsyncIterable<Uint8Array>) {
          signal.throwIfAborted();
          hash.update(piece);
          bytes += piece.byteLength;
        }
        // One answer is of one version; it may only have been cut off.
        if (ContentLength !== undefined && bytes !== ContentLength) throw new Error(`the object ended after ${bytes} of ${ContentLength} bytes`);
        return { bytes, sha256: hash.digest("hex") };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof S3ServiceException && OF_THE_OBJECT.has(error.name)) return { reason: error.name };
        throw error;
      }
    },
  };
}
/** Gone, forbidden, archived: the same for every attempt. */
const OF_THE_OBJECT: ReadonlySet<string> = new Set(["NoSuchKey", "AccessDenied", "InvalidObjectState"]);
