import type { EngineConfig } from "./contract.ts";

/** Defaults for production; the embedded runtime and simulations override some (functions/embedded/settings.ts). */
export const DEFAULT_CONFIG: EngineConfig = {
  site: "local",
  width: 256,
  leaseSeconds: 60,
  skewMarginSeconds: 5,
  epoch: undefined,
  killEvidence: "takeover",
  maxKillsAlone: 3,
  sweepSeconds: 60,
  resendSeconds: 120,
  settleBudget: 20,
  followDelayMs: 50,
  headerCacheMs: 5_000,
  expandRange: 4_096,
  membersPerMessage: 32,
  packAbove: 64,
  openPages: 64,
  unknownTaskGraceSeconds: 3_600,
  defaultJobTimeoutSeconds: 30 * 86_400,
  maxJobTimeoutSeconds: 365 * 86_400,
  retentionSeconds: 7 * 86_400,
  yieldSeconds: 10,
  executions: undefined,
};
