import { afterEach, expect, it, vi } from "vitest";
import { closeOnShutdown } from "../../functions/handlers/close-on-shutdown.ts";
import { defineResource, defineTask } from "../../functions/sdk/index.ts";
import { canvasOf } from "../../functions/sdk/canvas-builder.ts";
import { TestDeployment } from "./deployment.ts";

afterEach(() => vi.unstubAllEnvs());

it("D046 a function opens a resource once, and closes it when Lambda ends its process", async () => {
  const events: string[] = [];
  const db = defineResource({
    name: "db",
    open: () => events.push("open"),
    close: () => void events.push("close"),
  });
  const ask = defineTask({ name: "ask", run: async (ctx) => ctx.use(db) });
  const deployment = new TestDeployment({ ask });
  const { engine } = await deployment.engine();
  for (let k = 0; k < 3; k++) await engine.submit({ canvas: canvasOf(ask.s()) });
  await deployment.untilQuiet();
  expect(events).toEqual(["open"]);
  const codes: number[] = [];
  const listeners: (() => void)[] = [];
  const lambda = {
    once: (_event: "SIGTERM", listener: () => void) => listeners.push(listener),
    exit: (code: number) => void codes.push(code),
  };
  const opening = Promise.resolve({ log: () => undefined });
  closeOnShutdown(opening, lambda);
  expect(listeners).toEqual([]);
  vi.stubEnv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
  closeOnShutdown(opening, lambda);
  for (const listener of listeners) listener();
  await vi.waitFor(() => expect(codes).toEqual([0]));
  expect(events).toEqual(["open", "close"]);
});
