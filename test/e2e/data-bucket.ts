import { Buffer } from "node:buffer";
import { BucketAlreadyOwnedByYou, CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DATA_BUCKET } from "./names.ts";

/** Creates the bucket that tasks of the tests may read, unless it is there. Returns how to put an object into it. */
export async function openDataBucket(): Promise<(Key: string, content: string) => Promise<void>> {
  const s3 = new S3Client({ forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: DATA_BUCKET })).catch((error: unknown) => {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  });
  return async (Key, content) => {
    await s3.send(new PutObjectCommand({ Bucket: DATA_BUCKET, Key, Body: Buffer.from(content) }));
  };
}
