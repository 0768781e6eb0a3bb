import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Load, Sent } from "./http-load.ts";

const load = JSON.parse(process.argv[2] ?? "{}") as Load;
const agent = new Agent({ keepAlive: true, maxSockets: load.atOnce });
const body = JSON.stringify({ canvas: { task: "bench.stamp" } });
const moment = (): number => performance.timeOrigin + performance.now();

function post(): Promise<Sent> {
  const sentAt = moment();
  const headers = {
    Authorization: `Bearer ${load.token}`,
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const sending = request(`${load.url}/jobs`, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (text += part));
      response.on("end", () => {
        const { jobId } = JSON.parse(text) as { readonly jobId?: string };
        if (jobId === undefined) reject(new Error(`${response.statusCode}: ${text}`));
        else resolve({ jobId, sentAt, answeredAt: moment() });
      });
    });
    sending.on("error", reject);
    sending.end(body);
  });
}

const sent: Promise<Sent>[] = [];
async function closedLoop(): Promise<void> {
  while (sent.length < load.jobs) {
    const posting = post();
    sent.push(posting);
    await posting;
  }
}
async function openLoop(): Promise<void> {
  const start = performance.now();
  while (sent.length < load.jobs) {
    await pause(Math.max(0, start + sent.length * load.everyMs - performance.now()));
    sent.push(post());
  }
}
await (load.everyMs > 0 ? openLoop() : Promise.all(Array.from({ length: load.atOnce }, closedLoop)));
const all = await Promise.all(sent);
process.send?.(all, undefined, {}, () => process.exit(0));
