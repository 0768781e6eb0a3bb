/** The tasks that come with the project. Tests run these, and never those that a user adds to functions/tasks. */
export * from "../functions/tasks/examples.ts";
export * from "../functions/tasks/checksum-manifest/index.ts";
export * from "../functions/tasks/inventory/index.ts";
