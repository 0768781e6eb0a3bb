export * from "./examples.ts";
export * from "./checksum-manifest/index.ts";
export * from "./inventory/index.ts";
