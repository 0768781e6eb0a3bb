import { createHash, randomUUID } from "node:crypto";
import { createWriteStream, openAsBlob } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Argument, type Command } from "commander";
import type { BlobRef, Client, PutBlobOptions } from "../../functions/client/index.ts";
import { requireSha256 } from "../../functions/core/blob-ref.ts";
import { FanfoldError } from "../../functions/core/errors.ts";
import { badCall } from "../answer-value.ts";
import { action, command, type CommonOptions, type Context } from "../command.ts";
import { withEngine } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";

interface BlobsOptions extends CommonOptions {
  readonly type?: string;
  readonly output?: string;
}
const EXAMPLE = `fanfold blobs put photos.tar --type application/x-tar      prints its reference
tar c photos | fanfold blobs put -                         stores what comes on stdin
fanfold blobs get 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --output photos.tar`;

export function blobsCommand(): Command {
  return command("blobs", "Store large content under its SHA-256, or read it back as it is", EXAMPLE)
    .addArgument(new Argument("<action>", "what to do").choices(["put", "get"]))
    .argument("<what>", "put: path of a file, or - for stdin; get: SHA-256 of the content, as $blob of its reference")
    .option("--type <media-type>", "put: media type, kept in the reference (default: application/octet-stream)")
    .option("--output <file>", "get: file to write, replaced once the content is complete (default: stdout)")
    .action(
      action(async (context: Context, options: BlobsOptions, what: "put" | "get", name: string) => {
        if (what === "get" && options.type !== undefined) throw badCall("type", "only put takes --type");
        if (what === "put" && options.output !== undefined) throw badCall("output", "only get takes --output");
        return withEngine(options, "manage", async ({ client }) => {
          if (what === "put") await context.terminal.printJson(await put(context, client, options, name));
          else await get(context, client, options, name);
          return EXIT.success;
        });
      }),
    );
}

async function put(
  { interrupted }: Context,
  { blobs }: Client,
  { type }: BlobsOptions,
  file: string,
): Promise<BlobRef> {
  const options: PutBlobOptions = { signal: interrupted, ...(type !== undefined && { type }) };
  if (file !== "-") return blobs.put(await readable(file), options);
  try {
    // Nothing is read from stdin before the server has said that it takes a stream.
    return await blobs.put(ReadableStream.from(process.stdin), options);
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.details["field"] !== "/sha256") throw error;
    const spool = join(tmpdir(), `fanfold-${randomUUID()}`);
    try {
      await pipeline(process.stdin, createWriteStream(spool, { mode: 0o600 }), { signal: interrupted });
      return await blobs.put(await openAsBlob(spool), options);
    } finally {
      await rm(spool, { force: true });
    }
  }
}
async function readable(file: string): Promise<Blob> {
  try {
    return await openAsBlob(file);
  } catch (cause) {
    throw new FanfoldError("invalid_request", `${file} is no file that can be read`, {
      details: { field: "what" },
      cause,
    });
  }
}

async function get(
  { interrupted }: Context,
  { blobs }: Client,
  { output }: BlobsOptions,
  sha256: string,
): Promise<void> {
  const content = checked(await blobs.open(sha256, { signal: interrupted }), sha256);
  if (output === undefined) return pipeline(content, process.stdout, { end: false, signal: interrupted });
  const part = `${output}.part`;
  try {
    await pipeline(content, createWriteStream(part), { signal: interrupted });
    await rename(part, output);
  } finally {
    await rm(part, { force: true });
  }
}
/** Yields the content. Throws `blob_mismatch` at its end when it is another one. */
async function* checked(
  content: AsyncIterable<Uint8Array>,
  sha256: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash("sha256");
  for await (const piece of content) {
    hash.update(piece);
    yield piece;
  }
  requireSha256(hash.digest("hex"), sha256);
}
