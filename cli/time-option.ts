import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
/** Reads a time ago (`2h`) or a date, and returns milliseconds since the epoch. */
export function timeOf(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const at = unit === "" ? Date.parse(text) : Date.now() - Number(count) * (UNITS[unit] ?? 1) * 1_000;
  if (at >= 0) return at;
  throw new InvalidArgumentError("It must be a time ago like 30m, 2h or 7d, or a date like 2026-11-30T21:00Z.");
}
