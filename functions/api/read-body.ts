import { FanfoldError } from "../core/errors.ts";
import { parseJson } from "../core/json-text.ts";

/**
 * Reads a body and limits its size while reading. A declared length only serves to refuse early. The limit is that of
 * Lambda (6 MB), so that what works on one machine works there too.
 */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  if (Number(request.headers.get("Content-Length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      // Not awaited, because the sender may never react.
      reader.cancel().catch(() => {});
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new FanfoldError("invalid_json", "the body is not UTF-8 text", { cause });
  }
}

function tooLarge(maxBytes: number): FanfoldError {
  const megabytes = maxBytes / (1024 * 1024);
  return new FanfoldError(
    "payload_too_large",
    `the body is larger than ${megabytes} MB; pass references, or send the input in pages (POST /jobs?input)`,
    {
      details: { maxBytes },
    },
  );
}

/**
 * Throws `unsupported_media_type` unless the request has one of these types. Parameters such as charset are ignored.
 * The required type also blocks forms of foreign web pages.
 */
export function requireContentType(request: Request, allowed: readonly string[]): void {
  const type = (request.headers.get("Content-Type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (allowed.includes(type)) return;
  throw new FanfoldError(
    "unsupported_media_type",
    `the body must be sent with Content-Type: ${allowed[0]}${type === "" ? "" : `, not ${type.slice(0, 100)}`}`,
    {
      details: { expected: allowed[0] ?? "" },
    },
  );
}

/** Returns one value per line. Empty lines are skipped. */
export function parseLines(text: string, maxLines: number): unknown[] {
  const values: unknown[] = [];
  let number = 0;
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf("\n", from);
    const to = newline < 0 ? text.length : newline;
    const line = text.slice(from, to).trim();
    from = to + 1;
    number++;
    if (line === "") continue;
    if (values.length === maxLines) {
      throw new FanfoldError(
        "payload_too_large",
        `a page holds at most ${maxLines} items; put the rest into another page`,
        {
          details: { maxItems: maxLines },
        },
      );
    }
    values.push(parseJson(line, `line ${number}`, `/${values.length}`));
  }
  return values;
}
