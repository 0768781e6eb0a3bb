import { describe, expect, it } from "vitest";
import { PortError } from "../../functions/engine/ports.ts";
import { group } from "../../functions/sdk/index.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import * as examples from "../../functions/tasks/examples.ts";
import { contextOf, eventOf, recordOf, TASK_QUEUE, TestDeployment } from "./deployment.ts";

const { noop } = examples;
const DEAD = "home-dead-letters";

/** Takes messages from their queue as if it had given them up. */
async function givenUp(deployment: TestDeployment) {
  const messages = await deployment.queue.receive([TASK_QUEUE], 10, 60);
  await deployment.queue.ack(messages.map(({ id }) => id));
  return messages.map(({ id, body }) => recordOf(DEAD, id, JSON.stringify(body)));
}

describe("the dead-letter function", () => {
  it("the dead-letter function resends a run that never started, and the job succeeds", async () => {
    const deployment = new TestDeployment(examples);
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: canvasOf(group([noop.s(), noop.s()])) });
    await deployment.untilQuiet(["engine"]);
    const records = await givenUp(deployment);
    expect(records.length).toBeGreaterThan(0);
    expect(await deployment.deadLetter(eventOf(...records), contextOf())).toEqual({ batchItemFailures: [] });
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success" });
  });

  it("a run that is given up for the third time becomes broken", async () => {
    const deployment = new TestDeployment(examples);
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: canvasOf(noop.s()) });
    for (let time = 0; time < 3; time++) {
      const records = await givenUp(deployment);
      expect(records).toHaveLength(1);
      await deployment.deadLetter(eventOf(...records), contextOf());
    }
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "dead_letter" } });
  });

  it("the dead-letter function follows up a run that had ended, and does not run it again", async () => {
    const deployment = new TestDeployment(examples);
    const { engine } = await deployment.engine();
    const { jobId } = await engine.submit({ canvas: canvasOf(noop.s()) });
    const [message] = await deployment.queue.receive([TASK_QUEUE], 1, 60);
    const record = recordOf(DEAD, "dead", JSON.stringify(message!.body));
    await deployment.worker(eventOf(recordOf(TASK_QUEUE, message!.id, JSON.stringify(message!.body))), contextOf());
    await deployment.queue.ack([message!.id]);
    expect(await deployment.deadLetter(eventOf(record), contextOf())).toEqual({ batchItemFailures: [] });
    await deployment.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 1 } });
    expect((await engine.runs(jobId, {})).items[0]).toMatchObject({ attempt: 1 });
  });

  it("a message that can never be handled is kept as an item, and its queue may delete it", async () => {
    const deployment = new TestDeployment(examples);
    const { engine } = await deployment.engine();
    const answer = await deployment.deadLetter(eventOf(recordOf(DEAD, "poison", "not json")), contextOf());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(deployment.visibility).toEqual([]);
    expect(deployment.lines.at(-1)).toMatchObject({ MessagesDead: 1, MessagesDone: 1 });
    expect((await engine.deadLetters({})).items).toMatchObject([
      { body: "not json", reason: "not_understood", queue: TASK_QUEUE },
    ]);
  });

  it("a dead letter knows the queue that gave it up, where SQS tells it", async () => {
    const deployment = new TestDeployment(examples);
    const { engine } = await deployment.engine();
    const record = recordOf(DEAD, "poison", JSON.stringify({ v: 9, kind: "new" }), 21);
    const source = "arn:aws:sqs:eu-west-1:123456789012:fanfold-home-heavy-custom";
    const attributes = { ...record.attributes, DeadLetterQueueSourceArn: source };
    await deployment.deadLetter(eventOf({ ...record, attributes }), contextOf());
    expect((await engine.deadLetters({})).items).toMatchObject([{ queue: "home.heavy#custom", redrives: 0 }]);
    expect(await engine.redriveDeadLetters({})).toMatchObject({ letters: 1 });
    const [again] = await deployment.queue.receive(["home.heavy#custom"], 1, 60);
    expect(again?.body).toEqual({ v: 9, kind: "new", redrives: 1 });
  });

  it("while the store cannot be reached the queue keeps its dead letters", async () => {
    const deployment = new TestDeployment(examples);
    const { store } = deployment;
    const write = store.write.bind(store);
    store.write = () => Promise.reject(new PortError("outage", "no table"));
    const event = eventOf(recordOf(DEAD, "poison", "not json"));
    expect(await deployment.deadLetter(event, contextOf())).toEqual({
      batchItemFailures: [{ itemIdentifier: "poison" }],
    });
    store.write = write;
    expect(await deployment.deadLetter(event, contextOf())).toEqual({ batchItemFailures: [] });
  });
});
