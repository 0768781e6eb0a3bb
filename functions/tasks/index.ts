export * from "./examples.ts";
export * from "./inventory/index.ts";
