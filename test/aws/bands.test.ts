import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAwsPorts } from "../../functions/aws/aws-ports.ts";
import { useTestCredentials } from "./emulated.ts";
import { type Request, type ScriptedServer, scriptedServer, scriptedVariables } from "./scripted-server.ts";

const BANDED = "london.video#worker";
const PLAIN = "london.mail#worker";
const queueOf = ({ body }: Request): string => String(body["QueueUrl"]).split("/").at(-1) ?? "";

describe("bands of queues on AWS", () => {
  let server: ScriptedServer;
  beforeAll(async () => {
    useTestCredentials();
    server = await scriptedServer();
  });
  afterAll(() => server.close());
  const ports = () => createAwsPorts({ ...scriptedVariables(server.endpoint), FANFOLD_BANDED: BANDED });
  const accepted = ({ body }: Request) => ({
    body: {
      Successful: (body["Entries"] as { Id: string; MessageBody: string }[]).map(({ Id, MessageBody }) => {
        return { Id, MessageId: Id, MD5OfMessageBody: createHash("md5").update(MessageBody).digest("hex") };
      }),
      Failed: [],
    },
  });

  it("D054 a message goes to the queue of its band, where its queue has one for each", async () => {
    server.script(accepted);
    const message = { jobId: "j", body: "x" };
    await ports().queue.send([
      { ...message, queue: BANDED, band: 2 },
      { ...message, queue: BANDED },
      { ...message, queue: BANDED, band: 0 },
      { ...message, queue: PLAIN, band: 2 },
    ]);
    expect(server.requests.map(queueOf).toSorted()).toEqual(
      ["london-mail-worker", "london-video-worker", "london-video-worker-high", "london-video-worker-low"].map((name) =>
        expect.stringMatching(new RegExp(`-${name}$`)),
      ),
    );
  });

  it("the depth of such a queue is that of all its bands, and unknown while one is", async () => {
    const counts = (ready: number) => ({
      body: {
        Attributes: {
          ApproximateNumberOfMessages: String(ready),
          ApproximateNumberOfMessagesDelayed: "1",
          ApproximateNumberOfMessagesNotVisible: "2",
        },
      },
    });
    server.script((request) => counts(queueOf(request).endsWith("-high") ? 100 : 10));
    expect(await ports().queue.depth(BANDED)).toEqual({ ready: 120, delayed: 3, inFlight: 6 });
    expect(await ports().queue.depth(PLAIN)).toEqual({ ready: 10, delayed: 1, inFlight: 2 });
    server.script((request) => (queueOf(request).endsWith("-low") ? { body: { Attributes: {} } } : counts(1)));
    expect(await ports().queue.depth(BANDED)).toBeUndefined();
  });
});
