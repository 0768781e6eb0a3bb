import { App, Stack } from "aws-cdk-lib";
import { DefinitionBody, JsonPath, Pass, StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { WorkflowTask } from "../../infra/index.ts";
import { PREFIX, USER_STATE_MACHINE } from "./names.ts";

/** An app of a user: a state machine that runs a workflow of the deployment as a step. */
const user = new Stack(new App(), USER_STATE_MACHINE);
const work = new WorkflowTask(user, "Work", {
  prefix: PREFIX,
  workflow: "$.workflow",
  fields: { n: JsonPath.numberAt("$.n") },
  resultSelector: { "sum.$": "$.value", "state.$": "$.state" },
});
const caught = new Pass(user, "Caught", { parameters: { "caught.$": "$.Error" } });
new StateMachine(user, "StateMachine", {
  stateMachineName: USER_STATE_MACHINE,
  definitionBody: DefinitionBody.fromChainable(work.addCatch(caught, { errors: ["Fanfold.JobFailure"] }).next(new Pass(user, "Go on"))),
});
