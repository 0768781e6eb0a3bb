import { App, Stack } from "aws-cdk-lib";
import {
  Choice,
  Condition,
  DefinitionBody,
  Fail,
  JsonPath,
  Pass,
  StateMachine,
  Wait,
  WaitTime,
} from "aws-cdk-lib/aws-stepfunctions";
import { WorkflowTask } from "../../infra/index.ts";
import { PREFIX, USER_STATE_MACHINE, WORK_STATE_MACHINE } from "./names.ts";

/**
 * A user's app with two state machines. One runs a workflow of the deployment as a step, and the other does the work of
 * a task.
 */
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
  definitionBody: DefinitionBody.fromChainable(
    work.addCatch(caught, { errors: ["Fanfold.JobFailure"] }).next(new Pass(user, "Go on")),
  ),
});

const twice = new Pass(user, "Twice", { parameters: { "twice.$": "States.MathAdd($.n, $.n)" } });
const fails = new Fail(user, "Refuse", { error: "Work.Refused", cause: "as asked" });
new StateMachine(user, "Work state machine", {
  stateMachineName: WORK_STATE_MACHINE,
  definitionBody: DefinitionBody.fromChainable(
    new Choice(user, "What is asked")
      .when(Condition.booleanEquals("$.fail", true), fails)
      .otherwise(new Wait(user, "For so long", { time: WaitTime.secondsPath("$.seconds") }).next(twice)),
  ),
});
