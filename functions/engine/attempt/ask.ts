import type { Dedupe } from "../../core/canvas/canvas.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Identity } from "../items/identity-items.ts";
import { memberStrand } from "../plan/strands.ts";

/** What somebody asks for: the end of an identity. */
export interface Ask {
  readonly gid: string;
  readonly dedupe: Dedupe;
  /** The task with all its arguments, as the identity runs it. */
  readonly step: TaskStep;
  /** Names this ask, so that a repeated one takes the end of the round that it has begun. */
  readonly asker: string;
  /** The run that takes over the end. Absent where it is only given the value. */
  readonly adopter?: RunRef;
  /** The round whose end is taken at least, whatever it is. Set once a run has waited for it. */
  readonly wanted?: number | undefined;
  /** Whether an end that can never be any other is taken again. It is by those who depend on it. */
  readonly takesBroken?: true;
}
/** What an ask comes to: the identity as it stands, and whether its end is taken now. */
export type Asked<Each extends Ask = Ask> = Each & { readonly identity: Identity; readonly reuses: boolean };

/** Returns the task of an identity with its arguments. */
export async function stepOf(context: Context, { header }: Identity): Promise<TaskStep> {
  return (await memberStrand(context, header, 0)).strand[0] as TaskStep;
}
