import { describe, expect, it } from "vitest";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import { chainOfChords, nestedInBody, nestedInHeader, one, runsOf, total, type Wire } from "./chord-shapes.ts";
import { LocalEngine } from "./local-engine.ts";
import { MeasuredPorts } from "./measured-ports.ts";

const WIDTH = 100;
const MESSAGE_BYTES = 64 * 1_024;
/** Upper bound in bytes of a run's row without its value, and of every other item that these canvases need. */
const ITEM_BYTES = 1_024;
/** Upper bound in bytes that one more level may add to a name. Every message and key of that level carries the name. */
const NAME_BYTES = 8;

/**
 * The canvas is stored once, and messages and rows only name places in it. So the number of chords may lengthen these
 * names, and nothing else that is sent or written.
 */
describe.each([
  ["a chain of chords", chainOfChords, 12],
  ["chords nested in headers", nestedInHeader, 8],
  ["chords nested in bodies", nestedInBody, 8],
] as const)(`%s of ${WIDTH} children each`, (name, shape, chords) => {
  it(
    `messages and items of ${name}, ${chords} deep, stay small, and all of them together grow with the work only`,
    { timeout: 100_000 },
    async () => {
      const [single, all] = [await measured(shape(1, WIDTH)), await measured(shape(chords, WIDTH))];
      expect(all.messages.largest).toBeLessThan(MESSAGE_BYTES);
      expect(all.messages.largest).toBeLessThanOrEqual(single.messages.largest + chords * NAME_BYTES);
      expect(all.items.largest).toBeLessThanOrEqual(ITEM_BYTES);
      for (const sort of ["messages", "items", "blobs"] as const) {
        expect([sort, all[sort].total]).toEqual([
          sort,
          expect.toSatisfy((bytes: number) => bytes > 0 && bytes <= 1.6 * chords * single[sort].total),
        ]);
      }
      expect(all.messages.count).toBeLessThanOrEqual(1.1 * chords * single.messages.count);
    },
  );
});

/** Runs the canvas to its end. */
async function measured(canvas: Wire): Promise<MeasuredPorts> {
  const ports = new MeasuredPorts();
  const local = new LocalEngine([one, total], {}, { around: ports.around });
  const { jobId } = await local.engine.submit({ canvas: parseCanvas(canvas) });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: runsOf(canvas) } });
  return ports;
}
