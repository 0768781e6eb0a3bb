import { Buffer } from "node:buffer";
import { digestFile } from "./digest-file.ts";
import type { Source } from "./source-types.ts";
import { pathIn, walkFolder } from "./walk-folder.ts";

/** Matches `s3://bucket` and `s3://bucket/prefix`, with the rules of bucket names. */
export const S3_URL = /^s3:\/\/(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<prefix>.*))?$/s;

/** Returns the source for an absolute path or an S3 URL. The S3 client is loaded only for a URL. */
export async function openSource(name: string): Promise<Source> {
  const url = S3_URL.exec(name)?.groups;
  if (url === undefined) return folderSource(name);
  const { bucketSource } = await import("./bucket-source.ts");
  return bucketSource(url["bucket"] ?? "", url["prefix"] ?? "");
}

function folderSource(folder: string): Source {
  const root = Buffer.from(folder, "utf8");
  return {
    walk: (after, signal) => walkFolder(root, after, signal),
    digest: (path, signal) => digestFile(pathIn(root, path), signal),
  };
}
