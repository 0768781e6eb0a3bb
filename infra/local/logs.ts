import { AwsClient } from "aws4fetch";

/**
 * Calls CloudWatch Logs of the emulator that AWS_ENDPOINT_URL names. It signs plain requests, because the project needs
 * nothing else from an AWS client.
 */
export async function callLogs<T>(action: string, body: object): Promise<T> {
  const {
    AWS_ENDPOINT_URL: endpoint = "",
    AWS_REGION: region = "us-east-1",
    AWS_ACCESS_KEY_ID = "test",
    AWS_SECRET_ACCESS_KEY = "test",
  } = process.env;
  const client = new AwsClient({
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    region,
    service: "logs",
    retries: 0,
  });
  const headers = { "X-Amz-Target": `Logs_20140328.${action}`, "Content-Type": "application/x-amz-json-1.1" };
  const answer = await client.fetch(endpoint, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${action}: ${answer.status} ${text}`);
  return (text === "" ? {} : JSON.parse(text)) as T;
}

interface LogGroups {
  readonly logGroups?: readonly { readonly logGroupName: string; readonly retentionInDays?: number }[];
  readonly nextToken?: string;
}
/**
 * Returns the names of all log groups, or of those with this prefix, with their retention in days. The retention is
 * undefined for groups that are kept for ever.
 */
export async function logGroups(logGroupNamePrefix?: string): Promise<ReadonlyMap<string, number | undefined>> {
  const found = new Map<string, number | undefined>();
  for (let nextToken: string | undefined; ;) {
    const page = await callLogs<LogGroups>("DescribeLogGroups", { logGroupNamePrefix, nextToken });
    for (const { logGroupName, retentionInDays } of page.logGroups ?? []) found.set(logGroupName, retentionInDays);
    if (page.nextToken === undefined) return found;
    ({ nextToken } = page);
  }
}

export async function keepLogs(logGroupName: string, retentionInDays: number): Promise<void> {
  await callLogs("PutRetentionPolicy", { logGroupName, retentionInDays });
}
