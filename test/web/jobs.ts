import { type Client, hasEnded, type Job, type JsonObject } from "../../functions/client/index.ts";

/** Starts a workflow and waits for its end. Returns the id of the job. */
export async function ended(client: Client, workflow: string, fields: JsonObject): Promise<string> {
  const { jobId } = await client.start(workflow, fields);
  await untilJob(client, jobId, (job) => hasEnded(job) && job.countsExact);
  return jobId;
}
/** Starts a canvas in wire form and waits for its end. */
export async function endedCanvas(client: Client, canvas: unknown): Promise<string> {
  const { jobId } = await client.submitWire(canvas);
  await untilJob(client, jobId, (job) => hasEnded(job) && job.countsExact);
  return jobId;
}
/** Starts a chain that asks for an approval first, and waits until it asks. */
export async function waiting(client: Client): Promise<string> {
  const { jobId } = await client.submitWire({
    chain: [{ approval: { name: "go-on" } }, { task: "math.add", args: [1] }],
  });
  await until(async () => (await client.runs(jobId, { status: "waiting" })).items.length > 0);
  return jobId;
}
export function untilJob(client: Client, jobId: string, wanted: (job: Job) => boolean): Promise<void> {
  return until(async () => wanted(await client.job(jobId)));
}
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
}
