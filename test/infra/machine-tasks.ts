import { defineStateMachineTask } from "../../functions/sdk/index.ts";

/** Tasks of a deployment some of which are state machines: two of one machine, one by its ARN. */
export * from "../../functions/tasks/index.ts";
export const encode = defineStateMachineTask({ name: "video.encode", stateMachine: "encode-video" });
export const preview = defineStateMachineTask({ name: "video.preview", stateMachine: "encode-video" });
export const archive = defineStateMachineTask({ name: "video.archive", stateMachine: "arn:aws:states:eu-west-1:123456789012:stateMachine:archive" });
