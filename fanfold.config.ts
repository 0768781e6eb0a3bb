import type { LIMITS } from "./functions/core/limits.ts";

/** Where work runs and what it may use. The one file to edit for a deployment of your own. */
export interface FanfoldConfig {
  readonly sites: readonly SiteConfig[];
  /** Lower some of the limits of functions/core/limits.ts; raising one has no effect. */
  readonly limits?: { readonly [name in keyof typeof LIMITS]?: number };
}
export interface SiteConfig {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  /** `default` always exists and need not be listed. */
  readonly queues?: readonly QueueConfig[];
}
export interface QueueConfig {
  readonly name: string;
  /** Runs at the same time, over all workers of the site. */
  readonly concurrency?: number;
}

export default {
  sites: [{ name: "local", queues: [{ name: "default" }] }],
} satisfies FanfoldConfig;
