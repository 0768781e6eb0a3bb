import { expect } from "vitest";
import { FanfoldError, type ErrorCode } from "../../functions/core/errors.ts";

/** Runs what must be refused; gives the error after checking its code and, when given, the field it names. */
export function expectRefusal(work: () => unknown, code: ErrorCode, field?: string): FanfoldError {
  let thrown: unknown = "nothing was thrown";
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(FanfoldError);
  const error = thrown as FanfoldError;
  expect(error.code).toBe(code);
  if (field !== undefined) expect(error.details["field"]).toBe(field);
  // Whatever an attacker sends, what is stored and logged about it stays small.
  expect(error.message.length).toBeLessThan(1_000);
  expect(JSON.stringify(error.details).length).toBeLessThan(1_000);
  return error;
}
