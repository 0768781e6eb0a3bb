import { createHash } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Blobs, OpenBlob, StoredBlob } from "../engine/ports.ts";
import { clientOptions, endpointOf, type Variables } from "./client-options.ts";
import { retrying } from "./retry-calls.ts";
import { S3Contents } from "./s3-contents.ts";
import type { Usage } from "./usage.ts";

/** Keeps blobs with a name apart from other objects of the bucket. A lifecycle rule of the bucket expires them. */
const FOLDER = "blobs/";
/** Characters of a key. S3 allows keys of up to 1,024 bytes. */
const MAX_KEY_CHARACTERS = 900;
/** Milliseconds for one answer, because a blob may have 16 MB. */
const ANSWER_MS = 60_000;

/**
 * Stores blobs as objects of one bucket. Most values are small and never become blobs, so the first blob loads this
 * file.
 */
export class S3Blobs implements Blobs {
  /** Blobs by content, in the same bucket. */
  readonly contents: S3Contents;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #usage: Usage;

  constructor(variables: Variables, bucket: string, usage: Usage) {
    // Emulators serve all buckets at one address.
    this.#client = new S3Client({
      ...clientOptions(variables, "S3", ANSWER_MS),
      forcePathStyle: endpointOf(variables, "S3") !== undefined,
    });
    this.#bucket = bucket;
    this.#usage = usage;
    this.contents = new S3Contents(this.#client, bucket, usage);
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    const command = { Bucket: this.#bucket, Key: objectKey(name), Body: content };
    this.#usage.blobWrites++;
    await retrying({
      usage: this.#usage,
      what: `writing blob ${name}`,
      kind: "write",
      send: () => this.#client.send(new PutObjectCommand(command)),
    });
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    this.#usage.blobReads++;
    return retrying<Uint8Array | undefined>({
      usage: this.#usage,
      what: `reading blob ${name}`,
      kind: "read",
      send: async () => {
        const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: objectKey(name) }));
        // The attempt includes the body, because its transfer may break off.
        return (await Body?.transformToByteArray()) ?? new Uint8Array();
      },
      answer: (error) =>
        (error as { readonly name?: string }).name === "NoSuchKey" ? { value: undefined } : undefined,
    });
  }
  store(content: AsyncIterable<Uint8Array>, _until: number, sha256?: string): Promise<StoredBlob> {
    return this.contents.store(content, sha256);
  }
  keep(sha256: string, until: number): Promise<number | undefined> {
    return this.contents.keep(sha256, until);
  }
  open(sha256: string): Promise<OpenBlob | undefined> {
    return this.contents.open(sha256);
  }
}

/**
 * Returns the object key for the name of a blob. Letters, digits, `-`, `_`, `~` and `/` are kept, and `.` unless it
 * begins a segment. Every other byte becomes `=` and two hex digits. Different names therefore have different keys, and
 * no program that reads a key as a path changes it.
 */
function objectKey(name: string): string {
  const encoded = name
    .split("/")
    .map((segment) => (segment === "" ? "=" : segment.replace(/^\.|[^A-Za-z0-9._~-]/gu, escaped)))
    .join("/");
  return (
    FOLDER +
    (encoded.length <= MAX_KEY_CHARACTERS ? encoded : `=hash-${createHash("sha256").update(name).digest("hex")}`)
  );
}
function escaped(character: string): string {
  return [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join("");
}
