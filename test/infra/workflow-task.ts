import { App, Stack } from "aws-cdk-lib";
import { DefinitionBody, JsonPath, StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { describe, expect, it } from "vitest";
import { functionResourceName } from "../../functions/core/names/aws-resource-names.ts";
import { WorkflowTask } from "../../infra/index.ts";
import { flat, listOf, ofType, statementsIn, type SynthesisedTemplate } from "./synth.ts";

describe("WorkflowTask", () => {
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, "mine");
  const step = new WorkflowTask(stack, "Close", {
    prefix: "staging",
    workflow: "accounts.close",
    fields: { year: JsonPath.numberAt("$.year"), dry: false },
    timeoutSeconds: 600,
    resultPath: "$.closed",
  });
  new StateMachine(stack, "Machine", { definitionBody: DefinitionBody.fromChainable(step) });
  const templates = { mine: app.synth().getStackByName("mine").template as SynthesisedTemplate };
  const supervisor = `arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:${functionResourceName("staging", "supervisor")}`;

  it("WorkflowTask submits a workflow with the token of its step and no job id, so each entry starts a job", () => {
    const [machine] = ofType(templates, "AWS::StepFunctions::StateMachine");
    const definition = JSON.parse(flat(machine!.Properties["DefinitionString"])) as {
      States: { Close: { Resource: string; Parameters: object } };
    };
    expect(definition.States.Close).toMatchObject({
      Resource: "arn:<AWS::Partition>:states:::lambda:invoke.waitForTaskToken",
      ResultPath: "$.closed",
    });
    expect(definition.States.Close.Parameters).toEqual({
      FunctionName: supervisor,
      Payload: {
        action: "submit",
        "token.$": "$$.Task.Token",
        workflow: "accounts.close",
        fields: { "year.$": "$.year", dry: false },
        timeoutSeconds: 600,
      },
    });
  });
  it("WorkflowTask may invoke the supervisor of its deployment and nothing else", () => {
    const granted = statementsIn(ofType(templates, "AWS::IAM::Policy")).map(({ Action, Resource }) => [
      Action,
      listOf(Resource).map(flat),
    ]);
    expect(granted).toEqual([["lambda:InvokeFunction", [supervisor, `${supervisor}:*`]]]);
  });
});
