/** The key that only workflows have. The client knows them by it without the code that defines them. */
export const workflowMark: unique symbol = Symbol.for("fanfold.workflow");
