import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { HandlerName } from "../../infra/bundling.ts";
import { CONSUME_ACTIONS, HANDLER_PORTS, LOG_ACTIONS, type Port, PORT_ACTIONS } from "../../infra/permissions.ts";
import { BASE, flat, listOf, ofType, type Properties, statementsIn, synthesise } from "./synth.ts";

const source = (path: string): string => readFileSync(new URL(`../../functions/${path}`, import.meta.url), "utf8");

/** Ports that each file of functions/aws implements, for the files that send commands. */
const PORTS_OF_FILE: Readonly<Record<string, readonly Port[]>> = {
  "dynamo-store.ts": ["store"],
  "sqs-queue.ts": ["queue", "visibility"],
  "s3-blobs.ts + s3-contents.ts": ["blobs"],
  "step-functions.ts": ["tokens", "supervisions"],
  "state-machines.ts": ["executions"],
};
const SERVICES: Readonly<Record<string, string>> = { dynamodb: "dynamodb", sqs: "sqs", s3: "s3", sfn: "states" };
/**
 * IAM has no actions for batches, and those of S3 stand for several commands.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
 */
const IAM_NAMES: Readonly<Record<string, string>> = {
  SendMessageBatch: "SendMessage",
  ChangeMessageVisibilityBatch: "ChangeMessageVisibility",
  HeadObject: "GetObject",
  CopyObject: "PutObject",
  CreateMultipartUpload: "PutObject",
  UploadPart: "PutObject",
  CompleteMultipartUpload: "PutObject",
};
/** An action without a command: S3 requires it before it says that an object does not exist. */
const BESIDE_COMMANDS = ["s3:ListBucket"];

/** Returns the actions of the commands that a source imports. */
function actionsIn(text: string): readonly string[] {
  return [...text.matchAll(/import\s*(?:type\s*)?\{([^}]*)\}\s*from\s*"@aws-sdk\/client-([a-z0-9]+)"/g)].flatMap(
    ([, names = "", client = ""]) =>
      [...names.matchAll(/\b([A-Z]\w+)Command\b/g)].map(
        ([, command = ""]) => `${SERVICES[client]}:${IAM_NAMES[command] ?? command}`,
      ),
  );
}
/** Returns the files of a key above. */
const filesIn = (key: string): string[] => key.split(" + ");
const sorted = (list: Iterable<string>): string[] => [...new Set(list)].toSorted();
const actionsOf = (ports: readonly Port[]): string[] => ports.flatMap((port) => [...PORT_ACTIONS[port]]);

describe("what ports may do", () => {
  const files = readdirSync(new URL("../../functions/aws/", import.meta.url)).filter(
    (name) => actionsIn(source(`aws/${name}`)).length > 0,
  );
  it("every file that sends commands is listed with its ports", () =>
    expect(sorted(files)).toEqual(sorted(Object.keys(PORTS_OF_FILE).flatMap(filesIn))));
  it.each(Object.entries(PORTS_OF_FILE))(
    "the actions of a port are those that %s sends, no less and no more",
    (file, ports) => {
      expect(sorted(actionsOf(ports).filter((action) => !BESIDE_COMMANDS.includes(action)))).toEqual(
        sorted(filesIn(file).flatMap((each) => actionsIn(source(`aws/${each}`)))),
      );
    },
  );
  it("the actions of a source are derived from its imports", () => {
    expect(
      actionsIn(
        'import { type X, PutItemCommand } from "@aws-sdk/client-dynamodb";\nimport { SendMessageBatchCommand } from "@aws-sdk/client-sqs";',
      ),
    ).toEqual(["dynamodb:PutItem", "sqs:SendMessage"]);
  });
});

describe("which ports a handler has", () => {
  it.each(Object.entries(HANDLER_PORTS))("the ports of %s are those that its code opens", (handler, ports) => {
    const text = source(`handlers/${handler}.ts`);
    expect(ports.includes("tokens")).toBe(/\btokens: true/.test(text));
    expect(ports.includes("supervisions")).toBe(/\bsupervisions: true/.test(text));
    expect(ports.includes("executions")).toBe(/\bexecutions: true/.test(text));
    expect(ports.includes("visibility")).toBe(/\bbatchHandler\(/.test(text));
    expect(ports).toEqual(expect.arrayContaining(["store", "queue", "blobs"]));
  });
});

describe("what functions may do", () => {
  const permission = { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::invoices/*"] };
  const templates = synthesise({
    ...BASE,
    tasks: "test/infra/machine-tasks.ts",
    sites: [{ name: "london", functions: { worker: { permissions: [permission] } } }],
  });
  const roles = new Map(
    ofType(templates, "AWS::IAM::Role").map((role) => [`${role.stack}/${role.id}`, role.Properties]),
  );
  const fed = new Set(
    ofType(templates, "AWS::Lambda::EventSourceMapping").map(
      ({ stack, Properties }) => `${stack}/${refOf(Properties["FunctionName"])}`,
    ),
  );
  const functions = ofType(templates, "AWS::Lambda::Function").map(({ stack, id, Properties }) => {
    const role = roles.get(`${stack}/${refOf(Properties["Role"])}`) as Properties;
    return { name: String(Properties["FunctionName"]), fed: fed.has(`${stack}/${id}`), role };
  });
  const handlerOf = (name: string): HandlerName =>
    name.includes("-worker-")
      ? "worker"
      : name.endsWith("dead-letter")
        ? "dead-letter"
        : (name.replace("fanfold-", "") as HandlerName);

  it("the permissions of every function are tested", () =>
    expect(sorted(functions.map(({ name }) => handlerOf(name)))).toEqual(sorted(Object.keys(HANDLER_PORTS))));
  it.each(functions)(
    "$name may use its ports, its log, its queues and what its tasks were given",
    ({ name, fed: isFed, role }) => {
      const handler = handlerOf(name);
      const expected = [...actionsOf(HANDLER_PORTS[handler]), ...LOG_ACTIONS, ...(isFed ? CONSUME_ACTIONS : [])];
      const policies = statementsIn(role["Policies"]);
      expect(sorted(policies.flatMap(({ Action }) => listOf(Action)))).toEqual(sorted(expected));
      expect(role["ManagedPolicyArns"]).toBeUndefined();
      const readsInvoices = policies.some(
        ({ Action, Resource }) =>
          listOf(Action).includes("s3:GetObject") && listOf(Resource).includes("arn:aws:s3:::invoices/*"),
      );
      expect(readsInvoices).toBe(handler === "worker");
    },
  );
  it.each(functions)("$name may use resources of the deployment only", ({ role }) => {
    const own =
      /^<\w+\.Arn>$|:table\/fanfold-(tasks|callbacks)(\/index\/(open|due|dueRoot))?$|:sqs:<AWS::Region>:<AWS::AccountId>:fanfold-\*$|:s3:::fanfold-<AWS::AccountId>-<AWS::Region>(\/\*)?$|:stateMachine:fanfold-supervisor$|:execution:fanfold-supervisor:\*$|:stateMachine:(encode-video|archive)$|:execution:(encode-video|archive):fanfold-\*$/;
    const others = statementsIn(role["Policies"]).flatMap(({ Action, Resource }) =>
      listOf(Resource)
        .map(flat)
        .filter((resource) => !own.test(resource) && resource !== "arn:aws:s3:::invoices/*")
        .map((resource) => [listOf(Action).join(), resource]),
    );
    const answers = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:*";
    expect(
      others.filter(
        ([actions, resource]) => !(actions === "states:SendTaskFailure,states:SendTaskSuccess" && resource === answers),
      ),
    ).toEqual([]);
  });
  it("the control function starts the machines that tasks name, and describes and stops only its own executions", () => {
    const control = statementsIn(functions.find(({ name }) => name === "fanfold-control")?.role["Policies"]);
    const about = (action: string): readonly string[] =>
      control
        .filter(({ Action }) => listOf(Action).includes(action))
        .flatMap(({ Resource }) =>
          listOf(Resource).map((each) => flat(each).replace(/^.*:(?=(stateMachine|execution):)/, "")),
        );
    expect(sorted(about("states:StartExecution"))).toEqual(["stateMachine:archive", "stateMachine:encode-video"]);
    for (const action of ["states:DescribeExecution", "states:StopExecution"])
      expect(sorted(about(action))).toEqual(["execution:archive:fanfold-*", "execution:encode-video:fanfold-*"]);
  });
  it("the control function starts no machine where no task is one", () => {
    const without = ofType(synthesise(BASE), "AWS::IAM::Role").flatMap(({ Properties }) =>
      statementsIn(Properties["Policies"]),
    );
    expect(without.filter(({ Action }) => listOf(Action).includes("states:StopExecution"))).toEqual([]);
  }, 240_000);
  it("no policy of any stack has an action with a wildcard", () => {
    const wild = statementsIn(templates).flatMap(({ Action }) =>
      listOf(Action).filter((action) => action.includes("*")),
    );
    expect(wild).toEqual([]);
    expect(statementsIn({ a: [{ Effect: "Deny", Action: "sqs:*" }] }).map(({ Action }) => Action)).toEqual(["sqs:*"]);
  });
});

function refOf(value: unknown): string {
  return flat(value).replace(/^<|(\.Arn)?>$/g, "");
}
