import { expect } from "vitest";
import { FanfoldError, type ErrorCode } from "../../functions/core/errors.ts";
import type { Json, JsonObject } from "../../functions/core/json.ts";

export interface Refusal {
  readonly code: ErrorCode;
  readonly field: Json | undefined;
  readonly details: JsonObject;
}

/** Runs what must be refused and gives the code and the field of the refusal. Whatever is sent, what is stored and logged about it stays small. */
export function refusalOf(work: () => unknown): Refusal {
  let thrown: unknown = "nothing was thrown";
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(FanfoldError);
  const { code, details, message } = thrown as FanfoldError;
  expect(message.length + JSON.stringify(details).length).toBeLessThan(1_500);
  return { code, field: details["field"], details };
}
