import { Duration } from "aws-cdk-lib";
import { AttributeType, Billing, ProjectionType, TableEncryptionV2, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import type { Table } from "../../functions/core/items/item.ts";
import {
  PARTITION_ATTRIBUTE,
  SORT_ATTRIBUTE,
  tableDefinitions,
  TTL_ATTRIBUTE,
} from "../../functions/core/items/table-definitions.ts";
import type { Settings } from "../../functions/sdk/config.ts";
import { acknowledge } from "../acknowledge.ts";
import { Deployment, removalPolicyOf } from "../deployment.ts";

/** Days that the longest job may live, whatever its start asked for. */
const LONGEST_JOB_DAYS = 365;

/** Holds what outlives every deploy: both tables, and the bucket of large values. Deleting the stack keeps them, unless
 * `removal` is `destroy`.
 */
export class FanfoldState extends Construct {
  readonly tables: Readonly<Record<Table, TableV2>>;
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: { readonly settings: Settings }) {
    super(scope, id);
    const { settings } = props;
    const { warmThroughput } = settings.tables;
    const tables = tableDefinitions(settings.prefix).map(({ table, tableName, indexes }) => {
      const made = new TableV2(this, table === "tasks" ? "Tasks" : "Callbacks", {
        tableName,
        partitionKey: { name: PARTITION_ATTRIBUTE, type: AttributeType.STRING },
        sortKey: { name: SORT_ATTRIBUTE, type: AttributeType.STRING },
        timeToLiveAttribute: TTL_ATTRIBUTE,
        globalSecondaryIndexes: indexes.map(({ indexName, partition, sort }) => ({
          indexName,
          partitionKey: { name: partition, type: AttributeType.STRING },
          sortKey: { name: sort, type: AttributeType.NUMBER },
          projectionType: ProjectionType.KEYS_ONLY,
        })),
        billing: Billing.onDemand(),
        encryption: TableEncryptionV2.awsManagedKey(),
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        deletionProtection: settings.removal === "retain",
        removalPolicy: removalPolicyOf(settings),
        ...(warmThroughput && { warmThroughput }),
      });
      return [table, made] as const;
    });
    this.tables = Object.fromEntries(tables) as Record<Table, TableV2>;
    this.bucket = this.makeBucket(settings);
  }

  private makeBucket(settings: Settings): Bucket {
    const { prefix, retentionDays, removal } = settings;
    const bucket = new Bucket(this, "Blobs", {
      bucketName: new Deployment(this, prefix).bucketName,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: removalPolicyOf(settings),
      autoDeleteObjects: removal === "destroy",
      lifecycleRules: [
        {
          // A value is written before its job's deadline. It is needed until the retention after the deadline has
          // passed. Content of blobs that is needed for longer is made new (functions/aws/s3-contents.ts).
          id: "after-the-longest-job",
          expiration: Duration.days(LONGEST_JOB_DAYS + Math.ceil(retentionDays) + 1),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
        {
          // Content of blobs is uploaded under a draft's key, and copied once its hash is known.
          id: "drafts",
          prefix: "drafts/",
          expiration: Duration.days(1),
        },
      ],
    });
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: "TlsOnly",
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
        resources: [bucket.bucketArn, bucket.arnForObjects("*")],
        conditions: { Bool: { "aws:SecureTransport": "false" } },
      }),
    );
    acknowledge(bucket, {
      "AwsSolutions-S1":
        "Only the functions of the deployment read and write it, and their logs name the job of each value; access logs would double the requests and need a bucket without logs of its own.",
      "AwsSolutions-S10":
        "The bucket's policy refuses reading, writing, listing and deleting without TLS. It names the actions, because no statement here has an action with a wildcard.",
    });
    return bucket;
  }
}
