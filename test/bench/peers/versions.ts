/** Exactly these versions are compared. requirements.txt pins Celery and Redis with all that they need. */
export const VERSIONS = {
  bullmq: "6.7.0",
  ioredis: "6.0.0",
  dbos: "5.3.0",
  embeddedPostgres: "18.4.0-beta.17",
} as const;
