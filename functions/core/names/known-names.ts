/**
 * Names that the compiler checks. It is empty, so any name compiles, until a project says which ones it has:
 * @example
 * declare module "fanfold" {
 *   interface Names {
 *     queues: "default" | "bulk" | "oslo.bulk";
 *     events: { paid: { amount: number } };
 *     approvals: { "publish-report": boolean };
 *   }
 * }
 */
export interface Names {}

/** A queue that the project names, or any. */
export type KnownQueue = Names extends { readonly queues: infer Queue extends string } ? Queue : string;
/** An event that the project names, or any. */
export type KnownEvent = Names extends { readonly events: infer Events } ? keyof Events & string : string;
/** An approval that the project names, or any. */
export type KnownApproval = Names extends { readonly approvals: infer Answers } ? keyof Answers & string : string;
/** The type of the value of an event. `Else` for one that the project does not name. */
export type EventValue<Name, Else> = ValueIn<"events", Name, Else>;
/** The type of the answer to an approval. `Else` for one that the project does not name. */
export type ApprovalAnswer<Name, Else> = ValueIn<"approvals", Name, Else>;
type ValueIn<Kind extends string, Name, Else> = Names extends { readonly [Key in Kind]: infer Values }
  ? Name extends keyof Values
    ? Values[Name]
    : Else
  : Else;
