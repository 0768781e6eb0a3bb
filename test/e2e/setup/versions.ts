/** What the suite runs on. MiniStack and LocalStack, and all that they need, are pinned in their requirements.txt. */
export const VERSIONS = {
  /** Lambda's own Node. */
  node: "24.21.0",
  dynamoDbLocal: "11.1.0",
  localstack: "4.14.0",
  /** Amazon's runtime interface client: what asks for invocations in a function's process. */
  lambdaRuntimeClient: "4.0.2",
} as const;

/** What must be there already. */
export const REQUIRED = { python: [3, 10], localstackPython: "3.13", java: 17 } as const;
