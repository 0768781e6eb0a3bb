/**
 * Versions that the suite runs on. MiniStack, LocalStack and their dependencies are pinned in their requirements.txt.
 */
export const VERSIONS = {
  /** The version of Node on Lambda. */
  node: "24.21.0",
  dynamoDbLocal: "11.1.0",
  localstack: "4.14.0",
  /** Amazon's runtime interface client, which asks for invocations in a function's process. */
  lambdaRuntimeClient: "4.0.2",
} as const;

/** The oldest versions of the programs that must be installed already; `localstackPython` must match exactly. */
export const REQUIRED = { python: [3, 10], localstackPython: "3.13", java: 17 } as const;
