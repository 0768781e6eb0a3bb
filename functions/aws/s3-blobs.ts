import { createHash } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Blobs } from "../engine/ports.ts";
import { clientOptions, endpointOf, type Variables } from "./client-options.ts";
import { retrying } from "./retry.ts";
import type { Usage } from "./usage.ts";

/** Beside whatever else the bucket holds; a rule of the bucket expires what lies under it. */
const FOLDER = "blobs/";
/** S3 ends at 1,024 bytes. */
const MAX_KEY_CHARACTERS = 900;
/** A blob may have 16 MB. */
const ANSWER_MS = 60_000;

/** Blobs as objects of one bucket. Most values are small and never become blobs, so this file is loaded by the first that does. */
export class S3Blobs implements Blobs {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #usage: Usage;

  constructor(variables: Variables, bucket: string, usage: Usage) {
    // Emulators have one address for all buckets.
    this.#client = new S3Client({ ...clientOptions(variables, "S3", ANSWER_MS), forcePathStyle: endpointOf(variables, "S3") !== undefined });
    this.#bucket = bucket;
    this.#usage = usage;
  }

  async put(name: string, content: Uint8Array): Promise<void> {
    const command = { Bucket: this.#bucket, Key: objectKey(name), Body: content };
    this.#usage.blobWrites++;
    await retrying({ usage: this.#usage, what: `writing blob ${name}`, kind: "write", send: () => this.#client.send(new PutObjectCommand(command)) });
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    this.#usage.blobReads++;
    return retrying<Uint8Array | undefined>({
      usage: this.#usage,
      what: `reading blob ${name}`,
      kind: "read",
      send: async () => {
        const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: objectKey(name) }));
        // Part of the attempt: a body may break off.
        return (await Body?.transformToByteArray()) ?? new Uint8Array();
      },
      answer: (error) => ((error as { readonly name?: string }).name === "NoSuchKey" ? { value: undefined } : undefined),
    });
  }
}

/**
 * Letters, digits, `-`, `_`, `~` and `/` stay, `.` too except where a path would mean it; every other byte becomes `=` and two digits. So different names
 * have different keys, and none is changed on its way by anything that reads it as a path.
 */
function objectKey(name: string): string {
  const encoded = name
    .split("/")
    .map((segment) => (segment === "" ? "=" : segment.replace(/^\.|[^A-Za-z0-9._~-]/gu, escaped)))
    .join("/");
  return FOLDER + (encoded.length <= MAX_KEY_CHARACTERS ? encoded : `=hash-${createHash("sha256").update(name).digest("hex")}`);
}
function escaped(character: string): string {
  return [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join("");
}
