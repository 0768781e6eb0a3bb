import type { Json } from "../../core/json.ts";

/**
 * Wire form of messages. A member message names members of ONE ledger leaf and one step, so that their marks become one write. Rows and headers
 * tell the round; only control messages that decide carry it.
 */
const MESSAGE_VERSION = 1;
export type EngineMessage =
  | { readonly kind: "members"; readonly gid: string; readonly step: number; readonly members: readonly number[] }
  | { readonly kind: "expand"; readonly gid: string; readonly from: number; readonly to: number }
  | { readonly kind: "settle"; readonly gid: string }
  | { readonly kind: "answered"; readonly gid: string }
  | { readonly kind: "execution"; readonly gid: string }
  | { readonly kind: "cancel"; readonly gid: string; readonly round: number }
  | { readonly kind: "revoke"; readonly gid: string; readonly index: number }
  /** Walks the runs of a job, behind this one. */
  | { readonly kind: "revokeStamped"; readonly gid: string; readonly after?: string }
  | { readonly kind: "sweep"; readonly gid: string; readonly fromLeaf: number };
/** From outside, where no group is known: the platform says that an execution has ended. Its wire form is in infra/constructs/execution-events.ts, too. */
export interface ExecutionEnded {
  readonly kind: "executionEnded";
  readonly execution: string;
}

export function encodeMessage(message: EngineMessage): Json {
  return { v: MESSAGE_VERSION, ...message } as Json;
}
/** undefined: not a message of this engine, or of a version it does not know. */
export function decodeMessage(body: Json): EngineMessage | ExecutionEnded | undefined {
  if (body === null || typeof body !== "object" || Array.isArray(body)) return undefined;
  const message = body as { readonly [key: string]: Json };
  if (message["v"] === MESSAGE_VERSION && message["kind"] === "executionEnded" && typeof message["execution"] === "string")
    return { kind: "executionEnded", execution: message["execution"] };
  if (message["v"] !== MESSAGE_VERSION || typeof message["gid"] !== "string" || message["gid"].length === 0) return undefined;
  const whole = (...names: string[]): boolean => names.every((name) => Number.isSafeInteger(message[name]) && (message[name] as number) >= 0);
  switch (message["kind"]) {
    case "members": {
      const members = message["members"];
      const sound =
        whole("step") && Array.isArray(members) && members.length > 0 && members.every((index) => Number.isSafeInteger(index) && (index as number) >= 0);
      return sound ? (message as unknown as EngineMessage) : undefined;
    }
    case "expand":
      return whole("from", "to") ? (message as unknown as EngineMessage) : undefined;
    case "settle":
    case "answered":
    case "execution":
      return message as unknown as EngineMessage;
    case "cancel":
      return whole("round") ? (message as unknown as EngineMessage) : undefined;
    case "revoke":
      return whole("index") ? (message as unknown as EngineMessage) : undefined;
    case "revokeStamped":
      return message["after"] === undefined || typeof message["after"] === "string" ? (message as unknown as EngineMessage) : undefined;
    case "sweep":
      return whole("fromLeaf") ? (message as unknown as EngineMessage) : undefined;
    default:
      return undefined;
  }
}
