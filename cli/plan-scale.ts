import { countWork } from "../functions/core/cost/count-work.ts";
import { DEFAULT_DEPLOYMENT, type Deployment } from "../functions/core/cost/price-and-time.ts";
import { predictChord, type ScalePrediction } from "../functions/core/cost/scale-model.ts";
import type { WorkCount } from "../functions/core/cost/work-count.ts";
import type { TrackingLevel } from "../functions/core/cost/work-shape.ts";
import { DEFAULT_CONFIG } from "../functions/engine/config.ts";
import { chordShape, FULL_PAGE } from "../functions/engine/plan/chord-shape.ts";
import { protocolOf } from "../functions/engine/plan/job-shape.ts";

export interface ScaleRequest {
  readonly children: number;
  readonly level: TrackingLevel;
  readonly secondsPerTask: number;
  readonly slots: number;
  /**
   * `true` when all children are in one group, as a program with an engine of its own can submit them. Otherwise they
   * come in pages of input.
   */
  readonly oneGroup?: boolean;
}
/** Largest maxConcurrency that fanfold.config.ts permits for a queue. */
const MOST_INVOCATIONS = 1_000;
/** SQS delays a message by at most 15 minutes. */
const MAX_DELAY_SECONDS = 900;

export function planScale({
  children,
  level,
  secondsPerTask,
  slots,
  oneGroup = false,
}: ScaleRequest): ScalePrediction & { readonly count: WorkCount } {
  const perPage = { ...(!oneGroup && { perPage: FULL_PAGE }) };
  const { job, pages } = chordShape({ children, level, ...perPage }, DEFAULT_CONFIG.width);
  const count = countWork(job, pages, protocolOf(DEFAULT_CONFIG, MAX_DELAY_SECONDS));
  const deployment: Deployment = { ...DEFAULT_DEPLOYMENT, maxConcurrency: MOST_INVOCATIONS, slots };
  return { ...predictChord({ children, level, ...perPage, count }, secondsPerTask, deployment), count };
}
