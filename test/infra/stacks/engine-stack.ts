import { describe, expect, it } from "vitest";
import type { Json } from "../../../functions/core/json.ts";
import { resourceNames } from "../../../functions/core/names/aws-resource-names.ts";
import { decodeMessage } from "../../../functions/engine/messages/wire.ts";
import { flat, listOf, ofType, type Properties } from "../synth.ts";
import { at, templates } from "./london.ts";

describe("the sweeper", () => {
  it("the sweeper is called every minute", () => {
    expect(ofType(templates, "AWS::Events::Rule").map(({ Properties }) => Properties["ScheduleExpression"])).toContain(
      "rate(1 minute)",
    );
  });
});

describe("supervised jobs", () => {
  const [machine] = ofType(templates, "AWS::StepFunctions::StateMachine");
  const definition = JSON.parse(flat(machine!.Properties["DefinitionString"])) as {
    States: Record<string, { Resource?: string; Parameters?: { Payload: object } }>;
  };

  it("a supervising execution waits for its job with a task token, under the job's id", () => {
    const [submit] = Object.values(definition.States).filter(({ Resource }) =>
      Resource?.endsWith("lambda:invoke.waitForTaskToken"),
    );
    expect(submit?.Parameters?.Payload).toMatchObject({
      action: "submit",
      "token.$": "$$.Task.Token",
      "jobId.$": "$$.Execution.Name",
    });
    expect(machine!.Properties["StateMachineType"]).toBe("STANDARD");
  });
  it("the end of a supervising execution cancels its job", () => {
    const rule = ofType(templates, "AWS::Events::Rule").find(({ Properties }) =>
      String(Properties["Description"]).includes("cancels its job"),
    )!;
    expect(at(rule.Properties, "EventPattern", "detail", "status")).toEqual(["ABORTED", "TIMED_OUT", "FAILED"]);
    expect(flat(at(rule.Properties, "EventPattern", "detail", "stateMachineArn", 0))).toBe(`<${machine!.id}>`);
  });
});

describe("events", () => {
  const rules = ofType(templates, "AWS::Events::Rule");
  const undelivered = ofType(templates, "AWS::SQS::Queue").find(
    ({ Properties }) => Properties["QueueName"] === resourceNames("fanfold").eventsDeadLetterQueue,
  )!;

  it("an event that cannot be delivered is kept, whatever its target", () => {
    const targets = rules.flatMap(({ Properties }) => listOf(Properties["Targets"] as readonly Properties[]));
    expect(targets.length).toBeGreaterThanOrEqual(3);
    for (const target of targets) expect(flat(at(target, "DeadLetterConfig", "Arn"))).toBe(`<${undelivered.id}.Arn>`);
    const policy = JSON.stringify(
      ofType(templates, "AWS::SQS::QueuePolicy").filter(
        ({ Properties }) => flat(listOf(Properties["Queues"])[0]) === `<${undelivered.id}>`,
      ),
    );
    for (const { id } of rules) expect(policy).toContain(id);
  });
  it("an event that the supervisor fails to handle is kept", () => {
    const [invocations] = ofType(templates, "AWS::Lambda::EventInvokeConfig");
    expect(flat(at(invocations!.Properties, "DestinationConfig", "OnFailure", "Destination"))).toBe(
      `<${undelivered.id}.Arn>`,
    );
  });
  it("the end of an execution that a task started is sent to the engine's queue", () => {
    const rule = rules.find(({ Properties }) => String(Properties["Description"]).includes("task's state machine"))!;
    expect(at(rule.Properties, "EventPattern", "detail")).toMatchObject({
      status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
      name: [{ prefix: "fanfold-" }],
    });
    const machines = at(rule.Properties, "EventPattern", "detail", "stateMachineArn") as readonly unknown[];
    expect(machines.map((arn) => flat(arn).replace(/^.*:/, ""))).toEqual(["archive", "encode-video"]);
    const [target] = listOf(rule.Properties["Targets"] as readonly Properties[]);
    const { InputPathsMap, InputTemplate } = target!["InputTransformer"] as {
      InputPathsMap: Record<string, string>;
      InputTemplate: string;
    };
    const [[name, path] = []] = Object.entries(InputPathsMap);
    expect(path).toBe("$.detail.name");
    // The rule makes a message that the engine can decode.
    const message = JSON.parse(InputTemplate.replace(`<${name}>`, '"fanfold-job-1"').replaceAll('""', '"')) as Json;
    expect(decodeMessage(message)).toEqual({ kind: "executionEnded", execution: "fanfold-job-1" });
  });
});
