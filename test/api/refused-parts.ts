export const NDJSON = { "Content-Type": "application/x-ndjson" };
export const JSON_TYPE = { "Content-Type": "application/json" };
export const nested = (depth: number, leaf = "1"): string => `${"[".repeat(depth)}${leaf}${"]".repeat(depth)}`;
export const chains = (depth: number): string => `${'{"chain":['.repeat(depth)}{"task":"noop"}${"]}".repeat(depth)}`;
export const task = (text: string): string => `{"canvas":${text}}`;
export const canvas = (value: unknown): string => JSON.stringify({ canvas: value });
export const longName = "x".repeat(1_000_000);

export interface Row {
  readonly what: string;
  readonly code: string;
  readonly status: number;
  readonly field?: string;
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Record<string, string>;
}
