/** Of the deployment under test. */
export const PREFIX = "fanfold-e2e";
/** Of the stack beside it that stands for an app of a user, and of its state machine. */
export const USER_STATE_MACHINE = "fanfold-e2e-user";
/** Its state machine that is a task. */
export const WORK_STATE_MACHINE = "fanfold-e2e-work";
/** What the inventory is made of. */
export const DATA_BUCKET = "fanfold-e2e-data";
