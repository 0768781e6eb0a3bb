import { seededRandom } from "../sim/random.ts";
import { faultOf } from "./check-answer.ts";
import { fromDocument } from "./document.ts";
import { hostile } from "./hostile.ts";
import type { Outcome } from "./raw-client.ts";
import { type FuzzRequest, shown, type World } from "./request.ts";
import type { Target } from "./targets.ts";

export interface Finding {
  readonly index: number;
  readonly target: string;
  readonly request: string;
  readonly fault: string;
}
export interface Campaign {
  readonly seed: number;
  readonly from: number;
  readonly requests: number;
  readonly targets: readonly Target[];
  /** Called after each share of the requests. */
  readonly progress?: (done: number, findings: readonly Finding[]) => Promise<void>;
}
/** Requests after which the work that requests meet is made anew, because they end it. */
const SHARE = 500;
const AT_ONCE = 8;
/** Findings after which a campaign ends, because more of them say nothing new. */
const ENOUGH = 40;

/** Sends generated requests to each target, and returns what was wrong. A request depends on its number only. */
export async function runCampaign({ seed, from, requests, targets, progress }: Campaign): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let done = 0; done < requests && findings.length < ENOUGH; done += SHARE) {
    const first = from + done;
    const count = Math.min(SHARE, requests - done);
    for (const target of targets) findings.push(...(await runShare(target, seed, first, count)));
    await progress?.(done + count, findings);
  }
  return findings;
}

async function runShare(target: Target, seed: number, first: number, count: number): Promise<Finding[]> {
  const world = await target.world();
  const findings: Finding[] = [];
  let next = first;
  const send = async (): Promise<void> => {
    while (next < first + count) {
      const index = next++;
      const requests = generate(seed, index, world);
      const outcomes = await target.send(requests).catch((error: unknown) => [`threw: ${String(error)}`]);
      outcomes.forEach((outcome, k) => {
        const request = requests[k] as FuzzRequest;
        const fault = outcome === undefined ? undefined : judge(request, outcome);
        if (fault !== undefined) findings.push({ index, target: target.name, request: shown(request), fault });
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return findings;
}

/** Returns the requests of one number: mostly one, sometimes several in one write. */
function generate(seed: number, index: number, world: World): FuzzRequest[] {
  const random = seededRandom(seed * 1_000_003 + index);
  const one = (): FuzzRequest => (random.chance(0.35) ? fromDocument(random, world) : hostile(random, world));
  if (!random.chance(0.05)) return [one()];
  // What follows a request that breaks the connection is not answered, so only described requests are sent together.
  return Array.from({ length: 2 + random.int(4) }, () => fromDocument(random, world)).filter(
    ({ target }) => !target.includes("follow"),
  );
}

function judge(request: FuzzRequest, outcome: string | Exclude<Outcome, string>): string | undefined {
  if (typeof outcome !== "string") return faultOf(request, outcome);
  // Whoever stops in the middle of a request may be left without an answer, but not hanging.
  if (outcome === "closed" && (request.framing === "cut" || request.wire !== undefined)) return;
  return outcome === "closed" ? "the connection was closed without an answer" : outcome;
}
