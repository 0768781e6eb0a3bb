import { createHash } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AwsPorts, createAwsPorts } from "../../functions/aws/aws-ports.ts";
import type { Key, WriteOp } from "../../functions/engine/ports.ts";
import { useTestCredentials } from "./emulated.ts";
import { type ScriptedServer, scriptedServer, scriptedVariables } from "./scripted-server.ts";

const key: Key = { table: "tasks", partition: "P", sort: "S" };
const put: WriteOp = { op: "put", key, attributes: { owner: "me" }, when: { op: "absent" } };
const standing = { pk: { S: "P" }, sk: { S: "S" }, owner: { S: "me" } };
const done = { body: { ConsumedCapacity: { CapacityUnits: 1 } } };

/** Tests how the ports treat failures that no emulator has: the real client gets scripted answers. */
describe("failures of AWS", () => {
  let server: ScriptedServer;
  let ports: AwsPorts;
  beforeAll(async () => {
    useTestCredentials();
    server = await scriptedServer();
    ports = createAwsPorts(scriptedVariables(server.endpoint));
  });
  afterAll(() => server.close());

  it("a throttled write is repeated until it is accepted", async () => {
    server.script({ error: "ProvisionedThroughputExceededException" }, { error: "ThrottlingException" }, done);
    const before = ports.usage();
    expect(await ports.store.write(put)).toMatchObject({ applied: true, units: 1 });
    expect(server.requests).toHaveLength(3);
    expect(ports.usage()).toMatchObject({
      requests: before.requests + 3,
      retries: before.retries + 2,
      writeUnits: before.writeUnits + 1,
    });
  });

  it("a write that stays throttled was not applied, and its error says so", async () => {
    server.script({ error: "RequestLimitExceeded" });
    await expect(ports.store.write(put)).rejects.toMatchObject({ name: "PortError", kind: "throttled" });
    expect(server.requests.length).toBeGreaterThan(3);
  });

  it("a write that lost any of its answers may have been applied", async () => {
    server.script({ error: "InternalServerError", status: 500 }, { error: "ThrottlingException" });
    await expect(ports.store.write(put)).rejects.toMatchObject({ kind: "ambiguous" });
    server.script({ cut: true });
    await expect(ports.store.write(put)).rejects.toMatchObject({ kind: "ambiguous" });
  });

  it("a repeated write that meets its own first attempt returns that item", async () => {
    server.script({ cut: true }, { error: "ConditionalCheckFailedException", more: { Item: standing } });
    expect(await ports.store.write(put)).toEqual({
      applied: false,
      item: { key, attributes: { owner: "me" } },
      units: 1,
    });
  });

  it("a lost answer to a read is an outage", async () => {
    server.script({ error: "ServiceUnavailable", status: 503 });
    await expect(ports.store.get(key)).rejects.toMatchObject({ kind: "outage" });
  });

  it("a refused connection is an outage in which nothing was applied", async () => {
    const port = await closedPort();
    const unreachable = createAwsPorts(scriptedVariables(`http://127.0.0.1:${port}`));
    await expect(unreachable.store.write(put)).rejects.toMatchObject({ kind: "outage" });
  });

  it("an incomplete deployment is an outage, and its calls are not repeated", async () => {
    for (const error of ["ResourceNotFoundException", "AccessDeniedException"]) {
      server.script({ error });
      await expect(ports.store.write(put)).rejects.toMatchObject({ kind: "outage" });
      expect(server.requests).toHaveLength(1);
    }
  });

  it("a request that AWS rejects is a bug, and is not repeated", async () => {
    server.script({ error: "ValidationException" });
    await expect(ports.store.write(put)).rejects.toMatchObject({ name: "FanfoldError", code: "internal" });
    expect(server.requests).toHaveLength(1);
  });

  it("an attribute that cannot be stored is a bug, and is not sent", async () => {
    server.script(done);
    await expect(ports.store.write({ ...put, attributes: { n: Number.NaN } })).rejects.toMatchObject({
      code: "internal",
    });
    expect(server.requests).toHaveLength(0);
  });

  it("writeMany waits for all writes before it throws", async () => {
    const ops = ["a", "b", "c"].map((sort): WriteOp => ({ ...put, key: { ...key, sort } }));
    server.script(({ body }) => (JSON.stringify(body).includes('"a"') ? { error: "ValidationException" } : done));
    await expect(ports.store.writeMany(ops)).rejects.toMatchObject({ code: "internal" });
    expect(server.requests).toHaveLength(3);
  });

  it("unprocessed keys of a batch are read again", async () => {
    const keys = ["a", "b", "c"].map((sort): Key => ({ ...key, sort }));
    const row = (sort: string) => ({ pk: { S: "P" }, sk: { S: sort }, at: { S: sort } });
    const left = (...sorts: string[]) => ({
      "fanfold-tasks": { Keys: sorts.map((sort) => ({ pk: { S: "P" }, sk: { S: sort } })) },
    });
    server.script(
      { body: { Responses: {}, UnprocessedKeys: left("a", "b", "c") } },
      { body: { Responses: { "fanfold-tasks": [row("c")] }, UnprocessedKeys: left("a", "b") } },
      { body: { Responses: { "fanfold-tasks": [row("a")] }, UnprocessedKeys: {} } },
    );
    expect((await ports.store.getMany(keys)).map((item) => item?.attributes["at"])).toEqual(["a", undefined, "c"]);
    expect(server.requests).toHaveLength(3);
    expect(JSON.stringify(server.requests[2]?.body)).not.toContain('"c"');
    server.script({ body: { UnprocessedKeys: left("a") } });
    await expect(ports.store.getMany([keys[0] as Key])).rejects.toMatchObject({ kind: "throttled" });
  });

  const message = (n: number) => ({ queue: "london.default#worker", jobId: "J", body: n });
  type Entry = { readonly Id: string; readonly MessageBody: string };
  const entriesOf = (request: { body: object }) => (request.body as { Entries: readonly Entry[] }).Entries;
  const sent = (entries: readonly Entry[], failed: readonly Entry[], fault = false) => ({
    Successful: entries
      .filter((entry) => !failed.includes(entry))
      .map(({ Id, MessageBody }) => {
        return { Id, MessageId: Id, MD5OfMessageBody: createHash("md5").update(MessageBody).digest("hex") };
      }),
    Failed: failed.map(({ Id }) => ({
      Id,
      SenderFault: fault,
      Code: fault ? "InvalidMessageContents" : "InternalError",
    })),
  });

  it("only the entries that a queue did not accept are sent again", async () => {
    server.script(
      (request) => ({ body: sent(entriesOf(request), entriesOf(request).slice(1, 3)) }),
      (request) => ({ body: sent(entriesOf(request), []) }),
    );
    const before = ports.usage();
    await ports.queue.send([1, 2, 3, 4].map(message));
    expect(server.requests.map((request) => entriesOf(request).map((entry) => entry.MessageBody))).toEqual([
      ["1", "2", "3", "4"],
      ["2", "3"],
    ]);
    expect(ports.usage()).toMatchObject({ sends: before.sends + 4, sendRequests: before.sendRequests + 2 });
  });

  it("a full queue is throttled, a wrong message is a bug, and a missing queue is an outage", async () => {
    server.script((request) => ({ body: sent(entriesOf(request), entriesOf(request)) }));
    await expect(ports.queue.send([message(1)])).rejects.toMatchObject({ kind: "throttled" });
    server.script((request) => ({ body: sent(entriesOf(request), entriesOf(request), true) }));
    await expect(ports.queue.send([message(1)])).rejects.toMatchObject({ code: "internal" });
    server.script({ error: "QueueDoesNotExist" });
    await expect(ports.queue.send([message(1)])).rejects.toMatchObject({ kind: "outage" });
  });

  describe("changing how long a message stays invisible", () => {
    const change = () =>
      ports.queue.change("arn:aws:sqs:us-east-1:000000000000:fanfold-engine", [{ receiptHandle: "r", seconds: 1 }]);
    const refused = (Code: string, SenderFault: boolean) => ({
      body: { Successful: [], Failed: [{ Id: "0", SenderFault, Code }] },
    });

    it.each([
      ["InvalidParameterValue", true],
      // As LocalStack 4.14 says it.
      ["ReceiptHandleIsInvalid", false],
      ["InvalidParameterValueException", false],
      ["MessageNotInflight", false],
    ])(
      "with a receipt that is over (%s, the sender's fault: %s) is no failure, and is not tried again",
      async (code, fault) => {
        server.script(refused(code, fault));
        await change();
        expect(server.requests).toMatchObject([
          { body: { QueueUrl: `${server.endpoint}/000000000000/fanfold-engine` } },
        ]);
      },
    );

    it("that stays refused for another reason is throttled", async () => {
      server.script(refused("InternalError", false));
      await expect(change()).rejects.toMatchObject({ kind: "throttled" });
      expect(server.requests.length).toBeGreaterThan(3);
    });
  });
});

/** Returns the URL of a port that no process listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  return port;
}
