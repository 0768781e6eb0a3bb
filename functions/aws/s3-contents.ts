import { createHash, randomUUID } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { requireSha256 } from "../core/blob-ref.ts";
import { type BlobLinks, type OpenBlob, PortError, type StoredBlob, type UploadLink } from "../engine/ports.ts";
import { type Call, retrying } from "./retry-calls.ts";
import type { Usage } from "./usage.ts";

/** Content by its SHA-256. A lifecycle rule of the bucket expires it. */
const CONTENTS = "contents/";
/** Uploads whose hash is not known before their end. Another rule removes them after a day. */
const DRAFTS = "drafts/";
/** Bytes of a part, and of content that needs no parts. S3 takes 10,000 parts of at least 5 MB. */
const PART_BYTES = 8 * 1_024 * 1_024;
/** Milliseconds for a copy, which S3 makes of up to 5 GB at once. */
const COPY_MS = 10 * 60_000;
/** Breaks of a download without a byte in between, after which it fails. */
const MOST_BREAKS = 5;
/** Seconds in which an upload or a download must begin. */
const LINK_SECONDS = 900;

/**
 * Keeps content as objects, `contents/<SHA-256>`. S3 removes an object by its age. So content that is wanted for longer
 * is copied onto itself, which makes it new. S3 says itself when an object will go.
 */
export class S3Contents implements BlobLinks {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #usage: Usage;

  constructor(client: S3Client, bucket: string, usage: Usage) {
    this.#client = client;
    this.#bucket = bucket;
    this.#usage = usage;
  }

  async store(content: AsyncIterable<Uint8Array>, sha256?: string): Promise<StoredBlob> {
    const parts = partsOf(content);
    const first = await parts.next();
    const second = await parts.next();
    const head = first.done ? new Uint8Array() : first.value;
    if (!second.done) return this.#storeParts(joined([head, second.value], parts), sha256);
    const found = createHash("sha256").update(head).digest("hex");
    requireSha256(found, sha256);
    const put = { ...this.#at(CONTENTS + found), Body: head };
    await this.#send("write", `writing blob ${found}`, () => this.#client.send(new PutObjectCommand(put)));
    return { sha256: found, bytes: head.byteLength };
  }

  async keep(sha256: string, until: number): Promise<number | undefined> {
    const head = await this.#head(sha256);
    if (head === undefined) return undefined;
    const expiresAt = expiryOf(head.Expiration);
    const isKept = expiresAt === undefined || expiresAt >= until * 1_000;
    return isKept || (await this.#copy(CONTENTS + sha256, sha256)) ? (head.ContentLength ?? 0) : undefined;
  }

  async open(sha256: string): Promise<OpenBlob | undefined> {
    const head = await this.#head(sha256);
    if (head === undefined) return undefined;
    const bytes = head.ContentLength ?? 0;
    return { bytes, content: this.#read(sha256, bytes) };
  }

  async upload(sha256: string, bytes: number): Promise<UploadLink> {
    const digest = Buffer.from(sha256, "hex").toString("base64");
    const command = { ...this.#at(CONTENTS + sha256), ChecksumSHA256: digest, ContentLength: bytes };
    const { getSignedUrl } = await import("@aws-sdk/s3-request-presigner");
    const expiresAt = Date.now() + LINK_SECONDS * 1_000;
    const url = await getSignedUrl(this.#client, new PutObjectCommand(command), {
      expiresIn: LINK_SECONDS,
      // S3 heeds the checksum only as a header.
      unhoistableHeaders: new Set([CHECKSUM]),
      signableHeaders: new Set(["host", "content-length", CHECKSUM]),
    });
    return { url, headers: { [CHECKSUM]: digest }, expiresAt };
  }
  async download(sha256: string): Promise<string> {
    const { getSignedUrl } = await import("@aws-sdk/s3-request-presigner");
    const command = new GetObjectCommand({
      ...this.#at(CONTENTS + sha256),
      ResponseContentType: "application/octet-stream",
    });
    return getSignedUrl(this.#client, command, { expiresIn: LINK_SECONDS });
  }

  /** Uploads in parts under a draft's key, because the hash is known at the end only. Then S3 copies it. */
  async #storeParts(parts: AsyncIterable<Uint8Array>, sha256: string | undefined): Promise<StoredBlob> {
    const draft = this.#at(DRAFTS + randomUUID());
    const { UploadId } = await this.#send("write", "beginning a blob", () =>
      this.#client.send(new CreateMultipartUploadCommand(draft)),
    );
    const upload = { ...draft, UploadId };
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      for await (const Body of parts) {
        hash.update(Body);
        bytes += Body.byteLength;
        const part = { ...upload, PartNumber: Parts.length + 1, Body };
        const { ETag } = await this.#send("write", "writing a part of a blob", () =>
          this.#client.send(new UploadPartCommand(part)),
        );
        Parts.push({ PartNumber: part.PartNumber, ETag });
      }
      const found = hash.digest("hex");
      requireSha256(found, sha256);
      const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } });
      await this.#send("write", `completing blob ${found}`, () => this.#client.send(complete));
      if (!(await this.#copy(draft.Key, found))) throw new PortError("ambiguous", `blob ${found} was lost on its way`);
      return { sha256: found, bytes };
    } catch (error) {
      // What is left of it is removed by the bucket's rules.
      await this.#client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
      throw error;
    }
  }
  /** Returns false when there is nothing to copy. */
  #copy(from: string, sha256: string): Promise<boolean> {
    const command = new CopyObjectCommand({
      ...this.#at(CONTENTS + sha256),
      CopySource: `${this.#bucket}/${from}`,
      // S3 refuses to copy an object onto itself unless something is replaced.
      MetadataDirective: "REPLACE",
      ContentType: "application/octet-stream",
    });
    return this.#send<boolean>(
      "write",
      `copying blob ${sha256}`,
      async () => {
        await this.#client.send(command, { requestTimeout: COPY_MS });
        return true;
      },
      (error) => (isNone(error) ? { value: false } : undefined),
    );
  }
  #head(sha256: string): Promise<{ readonly ContentLength?: number; readonly Expiration?: string } | undefined> {
    return this.#send<{ readonly ContentLength?: number; readonly Expiration?: string } | undefined>(
      "read",
      `looking for blob ${sha256}`,
      () => this.#client.send(new HeadObjectCommand(this.#at(CONTENTS + sha256))),
      (error) => (isNone(error) ? { value: undefined } : undefined),
    );
  }
  /** Goes on where a connection breaks off, because large content takes many minutes. */
  async *#read(sha256: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0, breaks = 0; at < bytes;) {
      const command = new GetObjectCommand({ ...this.#at(CONTENTS + sha256), Range: `bytes=${at}-` });
      const { Body } = await this.#send("read", `reading blob ${sha256}`, () => this.#client.send(command));
      try {
        for await (const piece of Body as AsyncIterable<Uint8Array>) {
          at += piece.byteLength;
          breaks = 0;
          yield piece;
        }
      } catch (cause) {
        if (breaks >= MOST_BREAKS) throw new PortError("outage", `reading blob ${sha256} breaks off`, { cause });
      }
      if (at < bytes && ++breaks > MOST_BREAKS) throw new PortError("outage", `blob ${sha256} ends early`);
    }
  }

  #at(Key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key };
  }
  #send<T>(kind: Call<T>["kind"], what: string, send: () => Promise<T>, answer?: Call<T>["answer"]): Promise<T> {
    this.#usage[kind === "read" ? "blobReads" : "blobWrites"]++;
    return retrying({ usage: this.#usage, what, kind, send, ...(answer && { answer }) });
  }
}
const CHECKSUM = "x-amz-checksum-sha256";

function isNone(error: unknown): boolean {
  const { name } = error as { readonly name?: string };
  return name === "NotFound" || name === "NoSuchKey";
}
/** Returns when S3 removes an object, in milliseconds since the epoch. Undefined: never. */
function expiryOf(expiration: string | undefined): number | undefined {
  const date = /expiry-date="([^"]*)"/.exec(expiration ?? "")?.[1];
  const at = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(at) ? undefined : at;
}

async function* joined<T>(begun: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield* begun;
  yield* rest;
}
/** Yields content in parts, each full but the last. Their memory is not used again, because a part may be sent again. */
async function* partsOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let part = Buffer.allocUnsafeSlow(PART_BYTES);
  let filled = 0;
  for await (const piece of content) {
    for (let at = 0; at < piece.byteLength;) {
      const taken = piece.subarray(at, at + PART_BYTES - filled);
      part.set(taken, filled);
      filled += taken.byteLength;
      at += taken.byteLength;
      if (filled < PART_BYTES) continue;
      yield part;
      part = Buffer.allocUnsafeSlow(PART_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
