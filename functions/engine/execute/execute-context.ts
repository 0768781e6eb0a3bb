import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import type { EngineMessage } from "../messages/wire.ts";
import type { Disposition, ReceivedMessage } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import type { Reports } from "./member-reports.ts";
import type { Pace } from "./pace.ts";

/** The context of the use cases that run members. */
export interface ExecuteContext extends Context {
  /** What this engine instance has measured of the speed of its tasks. */
  readonly pace: Pace;
  /** Jobs of one task whose messages are handled together (gather-solos.ts). */
  readonly solos: Solos;
  /** The same with writes that wait while the store is unwritable (patient-context.ts). */
  readonly patient: ExecuteContext;
}

type MemberMessage = Extract<EngineMessage, { readonly kind: "members" }>;
/** A message of members, and who handles it. */
export interface MemberDelivery {
  readonly message: MemberMessage;
  readonly received: Pick<ReceivedMessage, "queue" | "receives">;
  readonly loop: WorkerLoop;
}
export interface Solos {
  handle(context: ExecuteContext, delivery: MemberDelivery): Promise<Disposition>;
}

/** What the batches of one message share on their way through claim, attempt and commit. */
export interface MessageWork {
  readonly context: ExecuteContext;
  readonly header: Header;
  readonly loop: WorkerLoop;
  readonly reports: Reports;
}
