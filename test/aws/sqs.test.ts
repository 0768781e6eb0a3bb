import { type Message, ReceiveMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import { beforeAll, describe, expect, it } from "vitest";
import { type AwsPorts, createAwsPorts } from "../../functions/aws/aws-ports.ts";
import { PortError } from "../../functions/engine/ports.ts";
import { emulatedVariables, isEmulated, makeQueues } from "./emulated.ts";

const [LONDON, PARIS] = ["london.default#worker", "paris.high-priority#custom"] as const;

describe.runIf(isEmulated("SQS"))("queues where AWS_ENDPOINT_URL names an SQS", () => {
  let ports: AwsPorts;
  let client: SQSClient;
  let urls: readonly string[];
  beforeAll(async () => {
    const variables = emulatedVariables();
    ({ client, urls } = await makeQueues(variables, [LONDON, PARIS, "engine"]));
    ports = createAwsPorts(variables);
  });
  /** Receives from a queue until it is silent. */
  async function received(url: string | undefined, expected: number): Promise<Message[]> {
    const messages: Message[] = [];
    for (let silent = 0; silent < (messages.length < expected ? 10 : 1);) {
      const command = new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ["All"],
      });
      const { Messages = [] } = await client.send(command);
      messages.push(...Messages);
      silent = Messages.length === 0 ? silent + 1 : 0;
    }
    return messages;
  }
  const bodies = (messages: readonly Message[]) => messages.map(({ Body }) => JSON.parse(Body as string) as unknown);

  it("SQS gets every message in its queue, ten in a request, with the job as message group", async () => {
    const before = ports.usage();
    const jobId = "01JD0000000000000000000000";
    const many = Array.from({ length: 25 }, (_, n) => ({ queue: LONDON, jobId, body: { n, text: "grün 😀" } }));
    await ports.queue.send([
      ...many,
      { queue: PARIS, jobId, body: "paris" },
      { queue: "engine", jobId, body: "control" },
    ]);
    expect(ports.usage()).toMatchObject({ sends: before.sends + 27, sendRequests: before.sendRequests + 5 });
    const london = await received(urls[0], 25);
    expect(new Set(bodies(london).map((body) => (body as { n: number }).n))).toEqual(new Set(Array(25).keys()));
    expect(bodies(london)[0]).toMatchObject({ text: "grün 😀" });
    expect(london[0]?.Attributes).toMatchObject({ MessageGroupId: jobId });
    expect(bodies(await received(urls[1], 1))).toEqual(["paris"]);
    expect(bodies(await received(urls[2], 1))).toEqual(["control"]);
  });

  it("a request to SQS stays under the size that every SQS accepts", async () => {
    const before = ports.usage();
    await ports.queue.send(
      Array.from({ length: 5 }, (_, n) => ({ queue: LONDON, jobId: "big", body: `${n}${"x".repeat(100_000)}` })),
    );
    expect(ports.usage().sendRequests - before.sendRequests).toBe(3);
    expect(await received(urls[0], 5)).toHaveLength(5);
  });

  it("a message is delayed by SQS, at most by its limit", async () => {
    await ports.queue.send([{ queue: PARIS, jobId: "j", body: "late", delaySeconds: 900 }]);
    await ports.queue.send([]);
    expect(await received(urls[1], 0)).toEqual([]);
    await expect(ports.queue.send([{ queue: PARIS, jobId: "j", body: 1, delaySeconds: 901 }])).rejects.toThrow(
      PortError,
    );
  });

  it("a received message becomes visible again when its visibility is set to zero", async () => {
    await ports.queue.send([{ queue: "engine", jobId: "j", body: "again" }]);
    const [first] = await received(urls[2], 1);
    const arn = "arn:aws:sqs:us-east-1:000000000000:" + (urls[2] as string).split("/").at(-1);
    await ports.queue.change(arn, [
      { receiptHandle: first?.ReceiptHandle as string, seconds: 0 },
      { receiptHandle: "of nothing", seconds: 0 },
    ]);
    const [second] = await received(urls[2], 1);
    expect(second).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: "2" } });
  });
});
