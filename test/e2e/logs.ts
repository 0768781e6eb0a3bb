import { ENDPOINT, signer } from "./deployment.ts";

interface LogEvent {
  readonly message?: string;
}
const logs = signer("logs");

async function call<T>(action: string, body: object): Promise<T> {
  const headers = { "X-Amz-Target": `Logs_20140328.${action}`, "Content-Type": "application/x-amz-json-1.1" };
  const answer = await logs.fetch(ENDPOINT, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${action}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Names of the log groups that contain `part`, with their retention in days. */
export async function logGroups(part: string): Promise<ReadonlyMap<string, number | undefined>> {
  const found = new Map<string, number | undefined>();
  for (let nextToken: string | undefined; ;) {
    const page = await call<{
      readonly logGroups?: readonly { readonly logGroupName: string; readonly retentionInDays?: number }[];
      readonly nextToken?: string;
    }>("DescribeLogGroups", { ...(nextToken !== undefined && { nextToken }) });
    for (const { logGroupName, retentionInDays } of page.logGroups ?? []) if (logGroupName.includes(part)) found.set(logGroupName, retentionInDays);
    if (page.nextToken === undefined) return found;
    ({ nextToken } = page);
  }
}

/** The lines of a function's log since a time in milliseconds since the epoch. */
export async function logLines(logGroupName: string, startTime: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let nextToken: string | undefined; ;) {
    const page = await call<{ readonly events?: readonly LogEvent[]; readonly nextToken?: string }>("FilterLogEvents", {
      logGroupName,
      startTime,
      ...(nextToken !== undefined && { nextToken }),
    });
    lines.push(...(page.events ?? []).map(({ message = "" }) => message));
    if (page.nextToken === undefined) return lines;
    ({ nextToken } = page);
  }
}
