import { BASE, ofType, type Properties, synthesise, type Templates } from "../synth.ts";

export const LONDON = {
  name: "london",
  queues: [
    { name: "default", maxConcurrency: 7, batchSize: 100, windowSeconds: 5 },
    { name: "urgent", pollers: { minimum: 2, maximum: 20 }, cap: 500, bands: true },
    { name: "default", function: "discovery" as const },
  ],
  functions: {
    worker: { timeoutSeconds: 900 },
    discovery: { timeoutSeconds: 30, memoryMb: 2_048, reservedConcurrency: 5 },
  },
};
/** A configuration that sets what most deployments leave at its default. */
export const config = {
  ...BASE,
  tasks: "test/infra/machine-tasks.ts",
  sites: [LONDON],
  alarms: { email: "ops@example.org" },
  tags: { team: "storage" },
};
/** All stacks of that configuration, synthesised once. */
export const templates: Templates = synthesise(config);

/** Returns one property of every resource of a type, sorted. */
export const property = (type: string, name: string): string[] =>
  ofType(templates, type)
    .map(({ Properties }) => String(Properties[name]))
    .toSorted();
/** Returns the value at a path in a template, or undefined. */
export const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Properties | undefined)?.[key], value);
/** Milliseconds for a test that synthesises, which bundles or checks all stacks. */
export const SLOW_MS = 240_000;
