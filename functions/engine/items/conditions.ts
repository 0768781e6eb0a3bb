import type { Condition } from "../ports.ts";

/** Builders of condition data. A comparison with an absent attribute is false, so its `not` is true, as in DynamoDB. */
export const absent = (attribute?: string): Condition =>
  attribute === undefined ? { op: "absent" } : { op: "absent", attribute };
export const present = (attribute?: string): Condition =>
  attribute === undefined ? { op: "present" } : { op: "present", attribute };
export const eq = (attribute: string, value: string | number | boolean): Condition => ({ op: "eq", attribute, value });
export const lt = (attribute: string, value: string | number): Condition => ({ op: "lt", attribute, value });
export const oneOf = (attribute: string, values: readonly (string | number)[]): Condition => ({
  op: "in",
  attribute,
  values,
});
export const contains = (attribute: string, value: string | number): Condition => ({
  op: "contains",
  attribute,
  value,
});
export const not = (of: Condition): Condition => ({ op: "not", of });
export const and = (...of: Condition[]): Condition => ({ op: "and", of });
export const or = (...of: Condition[]): Condition => ({ op: "or", of });
