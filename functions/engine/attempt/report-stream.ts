import { FanfoldError } from "../../core/errors.ts";
import { countOf } from "../../core/plan/counts.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { cannotStream } from "../../core/task/streaming-handlers.ts";
import type { ItemCounts } from "../../core/task/item-counts.ts";
import type { ItemReport } from "../../core/task/invocation.ts";
import type { ReportedPositions } from "../../core/task/reported-positions.ts";
import type { Context } from "../context.ts";
import { appendPage, openStream, type StoredStream } from "../items/report-items.ts";
import { mayReport, reportedPart } from "../jobs/reported-items.ts";
import { noteReported } from "../jobs/progress.ts";
import { PortError } from "../ports.ts";
import type { LiveAttempt, OpenedReports } from "./live-attempt.ts";
import type { Commit } from "./outcome-commit.ts";

/**
 * The stream of reports, as one attempt writes it.
 *
 *     idle <-> appending -> lost (a later attempt has the stream) | unsure (a port failed) ; any -> closed
 *
 * Nothing is stored once it is closed, so the totals that the commit counts stay those of the stored pages.
 */
class AttemptStream implements OpenedReports {
  readonly #context: Context;
  readonly #attempt: StreamingAttempt;
  #stored: StoredStream;
  #appending: Promise<void> | undefined;
  #refusal: "closed" | "lost" | "unsure" | undefined;
  /** Whether this attempt has stored a page. */
  progressed = false;

  constructor(context: Context, attempt: StreamingAttempt, stored: StoredStream) {
    this.#context = context;
    this.#attempt = attempt;
    this.#stored = stored;
  }
  get reported(): ReportedPositions {
    return this.#stored.reported;
  }
  get totals(): ItemCounts {
    return this.#stored.totals;
  }
  get sequence(): number {
    return this.#stored.sequence;
  }
  append(reports: readonly ItemReport[]): Promise<void> {
    if (this.#appending) throw new FanfoldError("invalid_request", "a stream of reports takes one page at a time");
    if (this.#refusal !== undefined) throw endedAttempt();
    this.#appending = this.#append(reports).finally(() => {
      this.#appending = undefined;
    });
    return this.#appending;
  }
  async #append(reports: readonly ItemReport[]): Promise<void> {
    const before = this.#stored;
    let after: StoredStream | undefined;
    try {
      after = await this.#appendAgain(reports);
    } catch (error) {
      this.#refusal ??= "unsure";
      throw error;
    }
    if (!after) {
      this.#refusal = "lost";
      throw endedAttempt();
    }
    this.#stored = after;
    this.progressed = true;
    const { run, info } = this.#attempt;
    if (info.paths?.countsTowardsJob) await noteReported(this.#context, run, before.totals, after.totals);
  }
  /** A page may be stored again, so a port that fails is asked again for a while. */
  async #appendAgain(reports: readonly ItemReport[]): Promise<StoredStream | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await appendPage(this.#context, this.#attempt.run, this.#stored, reports);
      } catch (error) {
        if (!(error instanceof PortError) || tries === TRIES) throw error;
        await this.#context.clock.pause(FIRST_PAUSE_MS * 2 ** tries);
      }
    }
  }
  /** Ends the stream of the attempt. Returns what is stored, or undefined when a later attempt has the stream. */
  async close(): Promise<StoredStream | undefined> {
    await this.#appending?.catch(() => undefined);
    const refusal = this.#refusal;
    this.#refusal = "closed";
    if (refusal === "lost") return undefined;
    const { run } = this.#attempt;
    return refusal === "unsure" ? openStream(this.#context, run, run.attempt) : this.#stored;
  }
}
type StreamingAttempt = Pick<LiveAttempt, "run" | "info">;
const TRIES = 5;
const FIRST_PAUSE_MS = 50;
export function endedAttempt(): FanfoldError {
  return new FanfoldError("lease_lost", "this attempt has ended, or another worker has taken its run over: stop");
}

/** Opens the stream of an attempt. Throws `cannot_stream`, `lease_lost`. */
export async function openReports(context: Context, attempt: LiveAttempt): Promise<OpenedReports> {
  const { info, run } = attempt;
  if (!mayReport(info)) throw cannotStream(info.name, "/acceptsStreaming");
  const stored = await openStream(context, run, run.attempt);
  if (!stored) throw endedAttempt();
  return new AttemptStream(context, attempt, stored);
}
/** What the attempts of a run have reported, once no attempt can report any more. */
export interface ClosedReports {
  readonly stored: StoredStream;
  /** Whether the attempt whose time is over has stored a page. Its run goes on after it, in another attempt. */
  readonly progressed: boolean;
}
/**
 * Ends the stream of an attempt whose outcome is known. Returns undefined when no attempt has reported anything. Returns
 * `lost` when a later attempt has the stream. One write unit when an attempt that was not the first has not opened the
 * stream: so no attempt before it can.
 */
export async function closeReports(
  context: Context,
  attempt: LiveAttempt,
): Promise<ClosedReports | "lost" | undefined> {
  if (!mayReport(attempt.info)) return undefined;
  const { reports, run } = attempt;
  attempt.reports = "closed";
  const opened = typeof reports === "object" ? await reports.catch(() => undefined) : undefined;
  if (!opened && run.attempt === 1) return undefined;
  const stored = opened ? await opened.close() : await openStream(context, run, run.attempt);
  if (!stored) return "lost";
  return opened || stored.sequence > 0 ? { stored, progressed: opened?.progressed === true } : undefined;
}
/** Returns the commit of an attempt, with the items that all attempts of its run have reported. */
export function withReports(attempt: LiveAttempt, commit: Commit, stored: StoredStream): Commit {
  const { run, info } = attempt;
  const { status } = commit.set;
  const ends = status === "waiting" || (status !== undefined && isTerminal(status));
  if (!ends || !info.paths?.countsTowardsJob) return commit;
  const part = status === "waiting" ? "ownCounts" : "counts";
  const own = commit.set[part] ?? (status === "waiting" ? {} : countOf(status));
  return { ...commit, set: { ...commit.set, ...reportedPart(run, own, stored, part) } };
}
