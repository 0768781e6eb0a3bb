import * as z from "zod";
import { documentation } from "./schemas.ts";
import { wholeNumber } from "./query-schemas.ts";

/** What lists have in common: how many items a page has, and where it begins. */
export const limit = wholeNumber(1, 1_000).optional();
/** Cursors are checked where they are read. The document says what they look like. */
export const cursorText = (pattern: string) =>
  z
    .string()
    .min(1)
    .max(2_000)
    .register(documentation, { schema: { type: "string", maxLength: 2_000, pattern, description: "Of an answer" } })
    .optional();
export const jobCursor = cursorText("^[0-9]{14}#[0-9A-Za-z_-]{1,128}$");
export const runCursor = cursorText("^[0-9A-Za-z_.~-]+[.][0-9]{1,9}(~[0-9]{1,5})?$");
export const failureCursor = cursorText("^[!-~]{1,200}#[!-~]{1,200}$");
export const lockCursor = cursorText("^[!-~]{1,200}#[a-z0-9-]{1,40}$");
export const waitCursor = cursorText("^[0-9]{1,2}([.][0-9A-Za-z_.!~*'()%-]{1,1900})?$");
export const identityCursor = cursorText("^[0-3]([.]~[0-9a-f]{40}(#[!-~]{1,200})?)?$");
export const scheduleCursor = cursorText("^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$");
export const deadLetterCursor = cursorText("^[0-9]{14}-[0-9a-zA-Z]{1,64}$");
export const statisticsCursor = cursorText("^[!-~]{1,200}$");
