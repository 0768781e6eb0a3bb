import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tableDefinitions } from "../../../functions/core/items/table-definitions.ts";
import {
  bucketName,
  deadLetterQueueName,
  DEFAULT_PREFIX,
  functionResourceName,
  bandResourceName,
  queueOfResource,
  queueResourceName,
  resourceNames,
  siteFunctionName,
} from "../../../functions/core/names/aws-resource-names.ts";
import {
  ENGINE_QUEUE,
  formatQueueName,
  QUEUE_FUNCTIONS,
  type QueueName,
} from "../../../functions/core/names/queue-name.ts";
import { refusalOf } from "../refusal.ts";

describe("resource names", () => {
  it("read as what they are", () => {
    expect(resourceNames(DEFAULT_PREFIX)).toEqual({
      tasksTable: "fanfold-tasks",
      callbacksTable: "fanfold-callbacks",
      engineQueue: "fanfold-engine",
      engineDeadLetterQueue: "fanfold-dead-letters-engine",
      eventsDeadLetterQueue: "fanfold-dead-letters-events",
      supervisorStateMachine: "fanfold-supervisor",
    });
    expect(queueResourceName("fanfold", "london.highpriority#custom")).toBe("fanfold-london-highpriority-custom");
    expect(queueResourceName("fan-prod", ENGINE_QUEUE)).toBe("fan-prod-engine");
    expect(deadLetterQueueName("fanfold", "london")).toBe("fanfold-london-dead-letters");
    expect(functionResourceName("fanfold", "control")).toBe("fanfold-control");
    expect(siteFunctionName("fanfold", "london", { role: "worker", function: "custom" })).toBe(
      "fanfold-london-worker-custom",
    );
    expect(siteFunctionName("fanfold", "london", { role: "dead-letter" })).toBe("fanfold-london-dead-letter");
    expect(bucketName("fanfold", "123456789012", "eu-central-1")).toBe("fanfold-123456789012-eu-central-1");
  });

  it("never depend on where they are derived: these are in use", () => {
    expect(queueResourceName("fanfold", "new-york.default#worker")).toBe(
      "fanfold-new-york-default-worker-3oz4iz93oykc8",
    );
  });

  it("keep apart what hyphens would mix up", () => {
    expect(queueResourceName("fanfold", "a-b.c#worker")).not.toBe(queueResourceName("fanfold", "a.b-c#worker"));
    expect(queueResourceName("fan", "a-b.c#worker")).not.toBe(queueResourceName("fan-a", "b.c#worker"));
  });

  const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,60}$/).filter((text) => text !== ENGINE_QUEUE);
  const prefix = fc.stringMatching(/^[a-z][a-z0-9-]{0,29}[a-z0-9]$/);
  const queueName: fc.Arbitrary<QueueName> = fc.record({
    site: part,
    queue: part,
    function: fc.constantFrom(...QUEUE_FUNCTIONS.slice(0, 3)),
  });

  it("fit the limits of AWS, whatever the names", () => {
    fc.assert(
      fc.property(prefix, queueName, (deployment, name) => {
        for (const text of [
          queueResourceName(deployment, formatQueueName(name)),
          deadLetterQueueName(deployment, name.site),
        ]) {
          expect(text).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
        }
        expect(siteFunctionName(deployment, name.site, { role: "worker", function: name.function })).toMatch(
          /^[A-Za-z0-9_-]{1,64}$/,
        );
        expect(bucketName(deployment, "123456789012", "ap-southeast-99")).toMatch(/^[a-z0-9-]{3,63}$/);
      }),
    );
  });

  it("differ for different queues, also of deployments beside each other", () => {
    const few = fc.stringMatching(/^[ab-]{1,3}$/);
    const name = fc.record({ prefix: fc.constantFrom("aa", "aa-a", "aa-a-b", "aa-b"), site: few, queue: few });
    fc.assert(
      fc.property(name, name, (one, other) => {
        const of = (each: typeof one) =>
          queueResourceName(each.prefix, formatQueueName({ ...each, function: "worker" }));
        expect(of(one) === of(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 1_000 },
    );
  });

  it("can be read back, unless they had to be cut", () => {
    fc.assert(
      fc.property(prefix, queueName, (deployment, name) => {
        const text = formatQueueName(name);
        const resource = queueResourceName(deployment, text);
        const wasCut = resource.length === 80;
        expect(wasCut ? [text, undefined] : [text]).toContain(queueOfResource(deployment, resource));
      }),
    );
    expect(queueOfResource("fanfold", "fanfold-engine")).toBe("engine");
    expect(queueOfResource("fanfold", "fanfold-dead-letters-engine")).toBe("engine");
    expect(queueOfResource("fanfold", deadLetterQueueName("fanfold", "new-york"))).toBe("new-york.default#worker");
    for (const other of ["", "fanfold", "fanfold-", "another-london-default-worker", "fanfold-tasks", "fanfold-a-b-c"])
      expect(queueOfResource("fanfold", other)).toBeUndefined();
  });

  it("tell the queue of a band", () => {
    expect(([0, 1, 2] as const).map((band) => bandResourceName("fanfold", "london.video#worker", band))).toEqual([
      "fanfold-london-video-worker-low",
      "fanfold-london-video-worker",
      "fanfold-london-video-worker-high",
    ]);
    for (const text of ["london.video#worker", "new-york.high-res#custom", "low.high#discovery"])
      for (const band of [0, 1, 2] as const)
        expect(queueOfResource("fan-prod", bandResourceName("fan-prod", text, band))).toBe(text);
    expect(queueOfResource("fanfold", "fanfold-london-video-worker-middle")).toBeUndefined();
  });

  it("refuse what is no name", () => {
    for (const wrong of ["", "f", "Fanfold", "1fan", "fan-", "fan_fold", "x".repeat(32)]) {
      expect(refusalOf(() => resourceNames(wrong)).code).toBe("invalid_request");
      expect(refusalOf(() => queueResourceName(wrong, "london.default#worker")).code).toBe("invalid_request");
    }
    for (const wrong of ["", "default", "default#worker", "london.#worker", "london.default#unknown"]) {
      expect(refusalOf(() => queueResourceName("fanfold", wrong)).code).toBe("invalid_queue_name");
    }
  });
});

describe("table definitions", () => {
  it("have at most two indexes, in the table whose items they index", () => {
    expect(tableDefinitions("fanfold")).toEqual([
      {
        table: "tasks",
        tableName: "fanfold-tasks",
        indexes: [{ indexName: "due", partition: "dueShard", sort: "due" }],
      },
      {
        table: "callbacks",
        tableName: "fanfold-callbacks",
        indexes: [
          { indexName: "open", partition: "openShard", sort: "nextCheck" },
          { indexName: "dueRoot", partition: "dueShard", sort: "due" },
        ],
      },
    ]);
  });
});
