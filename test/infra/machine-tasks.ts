import { defineStateMachineTask } from "../../functions/sdk/index.ts";

/** Tasks of which some are state machines: two share a machine, and one names its machine by ARN. */
export * from "../shipped-tasks.ts";
export const encode = defineStateMachineTask({ name: "video.encode", stateMachine: "encode-video" });
export const preview = defineStateMachineTask({ name: "video.preview", stateMachine: "encode-video" });
export const archive = defineStateMachineTask({
  name: "video.archive",
  stateMachine: "arn:aws:states:eu-west-1:123456789012:stateMachine:archive",
});
