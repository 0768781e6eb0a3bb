import * as z from "zod";
import { components, milliseconds } from "./schemas.ts";

export const blobRef = z
  .object({
    $blob: z.string().describe("SHA-256 of the content, in hex"),
    bytes: z.number(),
    type: z.string().describe("Media type, as whoever put it named it"),
  })
  .register(components, { id: "BlobRef", description: "What travels in place of a blob's content" });
export const blobLink = z.object({ url: z.string() }).register(components, { id: "BlobLink" });
export const blobUpload = z
  .object({
    blob: blobRef.optional().describe("Set when the content is here already"),
    upload: z
      .object({
        url: z.string().describe("Absolute, or a path of this API"),
        headers: z.record(z.string(), z.string()),
        expiresAt: milliseconds.optional().describe("Until when an upload may begin"),
      })
      .optional(),
  })
  .register(components, { id: "BlobUpload" });
