import { createReadStream, existsSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Client, InputItem } from "../../functions/client/index.ts";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import { parseJson } from "../../functions/core/json-text.ts";
import { LIMITS } from "../../functions/core/limits.ts";
import { itemProblem } from "../../functions/core/task/path-item.ts";
import { badCall } from "../answer-value.ts";
import type { Context } from "../command.ts";
import { requireServer } from "../connect.ts";
import { EXIT } from "../exit-codes.ts";
import { formatCounted } from "../format.ts";
import { further } from "../repository.ts";
import { isCanvasFile, readTextOf } from "../start-work.ts";
import type { StartCommandOptions } from "./run.ts";

interface ItemsOptions extends StartCommandOptions {
  readonly items: string;
  readonly chunkSize?: number;
}
/** Characters of a page: less than what the API takes, because a character may have three bytes. */
const PAGE_CHARACTERS = LIMITS.pageBytes / 3;

/**
 * Opens a job that runs a canvas for chunks of the items of a file, and puts them page by page. With a key the same call
 * again goes on where an earlier one was cut off: pages that are there stay as they are.
 */
export async function submitItems(
  { terminal }: Context,
  { items, chunkSize, key, timeout, field, ...options }: ItemsOptions,
  what: string | undefined,
): Promise<number> {
  if (what === undefined) throw badCall("WHAT", "name a file with a canvas that begins with a path task");
  if (field.length > 0) throw badCall("--field", "--field is for workflows; --items runs a canvas for each chunk");
  if (what === "-" && items === "-") throw badCall("--items", "the canvas comes from stdin already");
  if (items !== "-" && !existsSync(items)) throw badCall("--items", `there is no file ${items}`);
  if (items !== "-" && statSync(items).isDirectory())
    throw badCall("--items", `${items} is a folder; name a file of items`);
  if (!isCanvasFile(what)) throw badCall("WHAT", `--items takes a file with a canvas, not the workflow ${what}`);
  const each = parseCanvas(parseJson(readTextOf(what), what === "-" ? "the text from stdin" : what));
  const { client } = await requireServer(options);
  const { jobId } = await client.openJob(
    { items: { each, ...(chunkSize !== undefined && { chunkSize }) } },
    {
      ...(key !== undefined && { idempotencyKey: key }),
      ...(timeout !== undefined && { timeoutSeconds: timeout }),
    },
  );
  const put = await putPages(client, jobId, items).catch(async (error: unknown) => {
    // Without a key nobody can go on with this job, which would wait for its input until its deadline.
    if (key === undefined) await client.cancel(jobId).catch(() => undefined);
    throw error;
  });
  await client.sealInput(jobId, put.pages);
  if (terminal.json) await terminal.printJson({ jobId, ...put });
  else {
    await terminal.print(`${jobId}\n`);
    terminal.say(`${formatCounted(put.items, "item")} put; watch it: ${further(options.data, `watch ${jobId}`)}`);
  }
  return EXIT.success;
}
async function putPages(client: Client, jobId: string, file: string): Promise<{ pages: number; items: number }> {
  let page: InputItem[] = [];
  let characters = 0;
  let [pages, items] = [0, 0];
  const put = async (): Promise<void> => {
    if (page.length === 0) return;
    await client.putItems(jobId, pages++, page);
    items += page.length;
    page = [];
    characters = 0;
  };
  for await (const { item, text } of readItems(file)) {
    if (page.length === LIMITS.pageItems || characters + text.length > PAGE_CHARACTERS) await put();
    page.push(item);
    characters += text.length;
  }
  await put();
  return { pages, items };
}
/** Yields the items of a file, one JSON object or text per line. Empty lines are skipped. */
async function* readItems(file: string): AsyncGenerator<{ readonly item: InputItem; readonly text: string }> {
  const input = file === "-" ? process.stdin : createReadStream(file);
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (text.trim() === "") continue;
    const read = parseJson(text, `line ${number}`);
    const item = typeof read === "string" ? { path: read } : read;
    const wrong = itemProblem(item);
    if (wrong) throw badCall("--items", `line ${number}: ${wrong.at || "the item"} ${wrong.problem}`);
    yield { item: item as InputItem, text };
  }
}
