import { FanfoldError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Kept } from "../item-kinds.ts";
import type { Ports } from "../ports.ts";

type BlobPort = Pick<Ports, "blobs">;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Returns the size of a text in bytes of UTF-8, or its length when even the largest encoding of the text stays inline.
 */
export function jsonBytes(text: string): number {
  // A UTF-16 unit is at most 3 bytes of UTF-8, so a short text is small without being encoded.
  return text.length * 3 <= LIMITS.inlineBytes ? text.length : encoder.encode(text).length;
}

/** Whether a value is plainly small enough to stay inline. When false, only `keepValue` can tell. */
export function isSmall(value: Json): boolean {
  if (typeof value === "string") return value.length * 6 <= LIMITS.inlineBytes;
  if (typeof value !== "object" || value === null) return true;
  return JSON.stringify(value).length * 3 <= LIMITS.inlineBytes;
}
/**
 * Keeps a small value inline, and a larger one as a blob of this name. The blob is written before anything points at
 * it. Throws `payload_too_large`.
 */
export async function keepValue({ blobs }: BlobPort, name: string, value: Json): Promise<Kept> {
  return (await keepMeasured({ blobs }, name, value)).kept;
}
/** Does what `keepValue` does, and returns the size in bytes beside it. */
export async function keepMeasured(
  { blobs }: BlobPort,
  name: string,
  value: Json,
): Promise<{ readonly kept: Kept; readonly bytes: number }> {
  const text = JSON.stringify(value);
  const bytes = jsonBytes(text);
  if (bytes > LIMITS.valueBytes) {
    throw new FanfoldError(
      "payload_too_large",
      `a value of ${bytes} bytes is over the limit of ${LIMITS.valueBytes}; stream it in pages or store it yourself and return where it is`,
      {
        details: { bytes, limit: LIMITS.valueBytes },
      },
    );
  }
  if (bytes <= LIMITS.inlineBytes) return { kept: { value }, bytes };
  await blobs.put(name, encoder.encode(text));
  return { kept: { valueRef: name }, bytes };
}
/** Returns a kept value. Reads its blob if it has one, and throws `not_found` when that has been collected. */
export async function loadValue(
  { blobs }: BlobPort,
  kept: { readonly value?: Json; readonly valueRef?: string },
): Promise<Json> {
  if (kept.valueRef === undefined) return kept.value ?? null;
  return JSON.parse(await loadText({ blobs }, kept.valueRef)) as Json;
}
export async function keepText({ blobs }: BlobPort, name: string, text: string): Promise<void> {
  await blobs.put(name, encoder.encode(text));
}
export async function loadText({ blobs }: BlobPort, name: string): Promise<string> {
  const content = await blobs.get(name);
  if (!content)
    throw new FanfoldError(
      "not_found",
      `the stored value ${name} is gone; its job has expired or its blobs were removed`,
      { details: { blob: name } },
    );
  return decoder.decode(content);
}
