/** The prefix of the deployment under test. */
export const PREFIX = "fanfold-e2e";
/** The name of the stack that stands for a user's app beside the deployment, and of its first state machine. */
export const USER_STATE_MACHINE = "fanfold-e2e-user";
/** The name of the state machine in the user's stack that does the work of a task. */
export const WORK_STATE_MACHINE = "fanfold-e2e-work";
/** The bucket that holds the inventory's input. */
export const DATA_BUCKET = "fanfold-e2e-data";
