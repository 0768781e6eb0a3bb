import { callLogs } from "../../infra/local/logs.ts";

interface LogEvents {
  readonly events?: readonly { readonly message?: string }[];
  readonly nextToken?: string;
}

/** Returns the lines of a function's log since `startTime`, in milliseconds since the epoch. */
export async function logLines(logGroupName: string, startTime: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let nextToken: string | undefined; ;) {
    const page = await callLogs<LogEvents>("FilterLogEvents", { logGroupName, startTime, nextToken });
    lines.push(...(page.events ?? []).map(({ message = "" }) => message));
    if (page.nextToken === undefined) return lines;
    ({ nextToken } = page);
  }
}
