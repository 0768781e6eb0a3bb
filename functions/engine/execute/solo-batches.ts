import { commitAttempts, type EndedAttempt } from "../attempt/commit-attempts.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { type Gate, gateOf, gatesOfRoots } from "../groups/gate.ts";
import { type ClaimOutcome, type ClaimRequest, claimRuns } from "../items/run-claims.ts";
import type { Disposition } from "../ports.ts";
import { Batch } from "./batch.ts";
import type { ExecuteContext, MemberDelivery } from "./execute-context.ts";
import { followMember, handleMembers } from "./handle-members.ts";
import { type Ready, Reports } from "./member-reports.ts";
import { slowAfterMs } from "./pace.ts";

/** The run of a job of one task that may start, and the promise of what becomes of its message. */
export interface Solo extends MemberDelivery {
  readonly header: Header;
  readonly member: Ready;
  readonly resolve: (disposition: Disposition | Promise<Disposition>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs jobs of one quick task in one slot, one after the other. Their claims are one call of the store, and so are their
 * ends. Each has a batch of its own, with its token, hold and reports. When one of them is slow, those behind it return
 * to their queue, and those before it are committed at once. Resolves when user code of all has returned.
 */
export async function runSolos(context: ExecuteContext, solos: readonly Solo[]): Promise<void> {
  for (const { header } of solos) context.pace.noteMessage(header.jobId, 1);
  const commits = new SharedCommits(context.patient);
  const claimed = await claimSolos(context, solos);
  const gates = sharedGates(claimed.map(({ run }) => run.gid));
  const options = { commit: commits.commit, gateOf: gates, together: true };
  const started = claimed.map((each) => start(context, each, options));
  const { clock } = context;
  const startedAt = clock.now();
  let next = 0;
  const becomeSlow = (): void => {
    if (commits.ended) return;
    commits.end();
    for (const each of started.splice(next)) each.giveBack();
  };
  if (started.length > 1) void clock.pause(slowAfterMs(context.config)).then(becomeSlow);
  while (next < started.length) {
    await (started[next++] as Started).run();
    if (next < started.length && clock.now() - startedAt > slowAfterMs(context.config)) becomeSlow();
  }
  commits.end();
}

interface Claimed {
  readonly solo: Solo;
  readonly run: Run;
  readonly token: string;
}
/** Claims each run under a token of its own. A message whose claim was refused is handled alone, as one that came before. */
async function claimSolos(context: ExecuteContext, solos: readonly Solo[]): Promise<readonly Claimed[]> {
  const requests = solos.map(({ header, member: { ref, step } }) => {
    return { ref, header, token: context.ids.token(), task: step.task, seen: undefined };
  });
  const claims = await claimRuns(context, requests);
  return solos.flatMap((solo, k) => {
    const claim = claims[k] as ClaimOutcome;
    if (claim.kind === "claimed") return [{ solo, run: claim.run, token: (requests[k] as ClaimRequest).token }];
    const { message, received, loop, resolve } = solo;
    resolve(handleMembers(context, message, { ...received, receives: received.receives + 1 }, loop));
    return [];
  });
}

/** A run that is held, and runs when its turn has come. */
interface Started {
  run(): Promise<void>;
  giveBack(): void;
}
function start(
  context: ExecuteContext,
  { solo, run, token }: Claimed,
  options: ConstructorParameters<typeof Batch>[2],
): Started {
  const { header, member, loop } = solo;
  const reports = new Reports();
  let ran: (outcome: Promise<void>) => void = () => undefined;
  reports.add(new Promise<void>((resolve) => (ran = resolve)).then(() => []));
  const batch = new Batch({ context, header, loop, reports }, [{ member, run, token }], options);
  solo.resolve(followMember(context, header, solo, member, reports));
  return {
    run: () => {
      const running = batch.run();
      ran(running);
      return running.catch(() => undefined);
    },
    giveBack: () => {
      batch.giveBack();
      ran(Promise.resolve());
    },
  };
}

/** Returns gates of the runs' groups. The first that is asked for reads all, which count for a millisecond. */
function sharedGates(gids: readonly string[]): typeof gateOf {
  let readAt = Number.NEGATIVE_INFINITY;
  let read: Promise<ReadonlyMap<string, Gate>> | undefined;
  return async (context, gid) => {
    if (!read) {
      readAt = context.clock.now();
      read = gatesOfRoots(context, gids).then((gates) => new Map(gids.map((each, k) => [each, gates[k] as Gate])));
    } else if (context.clock.now() > readAt) return gateOf(context, gid);
    return (await read).get(gid) as Gate;
  };
}

/** Gathers the ends of runs until all have ended, or one of them is slow, and commits them together. */
class SharedCommits {
  ended = false;
  #ends: EndedAttempt[] = [];
  #commit: (outcomes: Promise<readonly MemberOutcome[]>) => void = () => undefined;
  readonly #context: Context;
  readonly #committed = new Promise<readonly MemberOutcome[]>((resolve) => (this.#commit = resolve));

  constructor(context: Context) {
    this.#context = context;
  }
  readonly commit = async (context: Context, ends: readonly EndedAttempt[]): Promise<readonly MemberOutcome[]> => {
    if (this.ended) return commitAttempts(context, ends);
    const from = this.#ends.length;
    this.#ends.push(...ends);
    return (await this.#committed).slice(from, from + ends.length);
  };
  /** Commits what has ended. What ends from now on is committed for itself. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.#ends.length > 0) this.#commit(commitAttempts(this.#context, this.#ends));
  }
}
