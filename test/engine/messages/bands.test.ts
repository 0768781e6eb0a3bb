import { expect, it } from "vitest";
import type { OutgoingMessage, Ports } from "../../../functions/engine/ports.ts";
import { chain, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const note = defineTask({ name: "note", run: (_ctx, label: string) => label });

it("a message carries the band of its step's priority, and none for work without one", async () => {
  const sent: OutgoingMessage[] = [];
  const around = (ports: Ports): Ports => {
    const { queue } = ports;
    const send = (messages: readonly OutgoingMessage[]): Promise<void> => {
      sent.push(...messages);
      return queue.send(messages);
    };
    return { ...ports, queue: { maxDelaySeconds: queue.maxDelaySeconds, depth: (name) => queue.depth(name), send } };
  };
  const local = new LocalEngine(
    [note],
    {},
    { queues: ["engine", "local.default#worker", "local.other#worker"], around },
  );
  const members = group([
    note.si("urgent").set({ priority: 9 }),
    note.si("patient").set({ priority: 0 }),
    note.si("plain"),
  ]);
  await local.engine.submit({ canvas: chain(members, note.si("last").set({ priority: 8, queue: "other" })).canvas });
  await local.untilQuiet();
  const bands = sent.filter(({ queue }) => queue !== "engine").map(({ queue, band }) => `${queue} ${band ?? "-"}`);
  expect(bands).toEqual([
    "local.default#worker 2",
    "local.default#worker 0",
    "local.default#worker -",
    "local.other#worker 2",
  ]);
});
