import { describe } from "vitest";
import { createAwsPorts } from "../../functions/aws/aws-ports.ts";
import { emulatedVariables, isEmulated, makeBucket, makeTables } from "../aws/emulated.ts";
import { blobsContract } from "./blobs-contract.ts";
import { storeContract } from "./store-contract.ts";

describe.runIf(isEmulated("DYNAMODB"))("where AWS_ENDPOINT_URL names a DynamoDB", () => {
  storeContract("DynamoDB", async () => {
    const variables = emulatedVariables();
    const removeTables = await makeTables(variables);
    return { store: createAwsPorts(variables).store, close: removeTables };
  });
});

/** Bytes of content in one piece, in one part and a bit, and in several parts. */
const WITH_PARTS = [0, 1, 3_000_000, 8_388_609, 20_000_000];
describe.runIf(isEmulated("S3"))("where AWS_ENDPOINT_URL names an S3", () => {
  blobsContract(
    "S3",
    async () => {
      const variables = emulatedVariables();
      await makeBucket(variables);
      return { blobs: createAwsPorts(variables).blobs };
    },
    WITH_PARTS,
  );
});
