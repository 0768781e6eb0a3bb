import { describe, expect, it } from "vitest";
import { type Slot, Slots } from "../../functions/host/slots.ts";

/** Requests a slot, and tells whether it was granted. */
function ask(slots: Slots, alone = false): { granted: () => boolean; slot: Promise<Slot> } {
  let granted = false;
  const slot = slots.take(alone).then((taken) => {
    granted = true;
    return taken;
  });
  return { granted: () => granted, slot };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("slots", () => {
  it("slots are granted up to their number, then in the order of the requests", async () => {
    const slots = new Slots(2);
    const [first, second, third, fourth] = [ask(slots), ask(slots), ask(slots), ask(slots)];
    await turn();
    expect([first, second, third, fourth].map((each) => each.granted())).toEqual([true, true, false, false]);
    (await second.slot).release();
    await turn();
    expect([third.granted(), fourth.granted()]).toEqual([true, false]);
  });

  it("a slot is released once, however often release is called", async () => {
    const slots = new Slots(1);
    const slot = await slots.take(false);
    slot.release();
    slot.release();
    expect(slots.busy).toBe(0);
  });

  it("a run that must be alone waits for all others, and later runs wait behind it", async () => {
    const slots = new Slots(3);
    const running = await slots.take(false);
    const [alone, later] = [ask(slots, true), ask(slots)];
    await turn();
    expect([alone.granted(), later.granted(), slots.reserved]).toEqual([false, false, true]);
    running.release();
    await turn();
    expect([alone.granted(), later.granted(), slots.reserved]).toEqual([true, false, true]);
    (await alone.slot).release();
    await turn();
    expect([later.granted(), slots.reserved]).toEqual([true, false]);
  });

  it("closed slots refuse all waiting and later requests", async () => {
    const slots = new Slots(1);
    await slots.take(false);
    const waiting = slots.take(false);
    slots.close();
    await expect(waiting).rejects.toThrow(/stopping/);
    await expect(slots.take(true)).rejects.toThrow(/stopping/);
  });

  it("paused slots grant none to those that wait or try, and go on afterwards", async () => {
    const slots = new Slots(2);
    slots.pause(true);
    const waiting = ask(slots);
    await turn();
    expect([waiting.granted(), slots.tryTake()]).toEqual([false, undefined]);
    slots.pause(false);
    await turn();
    expect(waiting.granted()).toBe(true);
    expect(slots.tryTake()).toBeDefined();
  });
  it("paused slots refuse those that wait when they are closed", async () => {
    const slots = new Slots(1);
    slots.pause(true);
    const waiting = slots.take(false);
    slots.close();
    await expect(waiting).rejects.toMatchObject({ kind: "outage" });
  });
});
