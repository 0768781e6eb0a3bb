/** What the suite runs on. MiniStack and all that it needs are pinned in requirements.txt. */
export const VERSIONS = {
  /** Lambda's own Node. */
  node: "24.21.0",
  dynamoDbLocal: "11.1.0",
} as const;

/** What must be there already. */
export const REQUIRED = { python: [3, 10], java: 17 } as const;
