import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { DevServer, freePort } from "./dev-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly data: string;
    readonly port: number;
  }
}
/** Starts the dev server that all files share, and asks for its page, which builds it. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const data = mkdtempSync(join(tmpdir(), "fanfold-web-"));
  const server = new DevServer(data, await freePort());
  await server.start();
  const page = await fetch(server.url);
  if (!page.ok) throw new Error(`the page could not be built: ${await page.text()}`);
  provide("data", data);
  provide("port", server.port);
  return async () => {
    await server.kill();
    rmSync(data, { recursive: true, force: true });
  };
}
