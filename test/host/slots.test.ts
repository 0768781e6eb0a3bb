import { describe, expect, it } from "vitest";
import { type Slot, Slots } from "../../functions/host/slots.ts";

/** Requests a slot, and tells whether it was granted. */
function ask(slots: Slots, alone = false, of = ANY, first = false): { granted: () => boolean; slot: Promise<Slot> } {
  let granted = false;
  const slot = slots.take({ ...of, alone, first }).then((taken) => {
    granted = true;
    return taken;
  });
  return { granted: () => granted, slot };
}
const ANY = { queue: "q", jobId: "j" };
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
    const slot = await slots.take(ANY);
    slot.release();
    slot.release();
    expect(slots.busy).toBe(0);
  });

  it("a run that must be alone waits for all others, and later runs wait behind it", async () => {
    const slots = new Slots(3);
    const running = await slots.take(ANY);
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

  it("a queue has at most its threads, and another queue has the slots beside them", async () => {
    const slots = new Slots(4, { threadsOf: (queue) => (queue === "full" ? 2 : 4), weightOf: () => 1 });
    const full = Array.from({ length: 4 }, () => ask(slots, false, { queue: "full", jobId: "j" }));
    const other = ask(slots, false, { queue: "other", jobId: "j" });
    await turn();
    expect([...full, other].map((each) => each.granted())).toEqual([true, true, false, false, true]);
    expect(slots.tryTake({ queue: "full", jobId: "j" })).toBeUndefined();
    expect(slots.tryTake({ queue: "other", jobId: "j" })).toBeDefined();
    (await full[0]?.slot)?.release();
    await turn();
    expect(full.map((each) => each.granted())).toEqual([true, true, true, false]);
  });

  it("queues that wait for slots take turns by weight", async () => {
    const slots = new Slots(1, { threadsOf: () => 1, weightOf: (queue) => (queue === "heavy" ? 3 : 1) });
    const served: string[] = [];
    const running = await slots.take(ANY);
    for (const queue of ["light", "heavy"])
      for (let k = 0; k < 8; k++)
        void slots.take({ queue, jobId: queue }).then((slot) => {
          served.push(queue);
          setImmediate(() => slot.release());
        });
    running.release();
    while (served.length < 16) await turn();
    expect(served.slice(0, 8).filter((queue) => queue === "heavy")).toHaveLength(6);
  });

  it("jobs of a queue that wait for slots are served in rotation, and new ones do not starve the others", async () => {
    const slots = new Slots(1);
    const running = await slots.take(ANY);
    const served: string[] = [];
    const wait = (jobId: string): void =>
      void slots.take({ ...ANY, jobId }).then((slot) => {
        served.push(jobId);
        if (served.length < 9) wait(`small${served.length}`);
        setImmediate(() => slot.release());
      });
    for (const jobId of ["big", "big", "big", "big", "small0"]) wait(jobId);
    running.release();
    while (served.length < 8) await turn();
    expect(served.slice(0, 2)).toEqual(["big", "small0"]);
    expect(served.filter((jobId) => jobId === "big").length).toBeGreaterThanOrEqual(2);
    expect(served.filter((jobId) => jobId !== "big").length).toBeGreaterThanOrEqual(4);
  });

  it("a request that is first is served before all that wait", async () => {
    const slots = new Slots(1);
    const running = await slots.take(ANY);
    const [waiting, first] = [ask(slots), ask(slots, false, { queue: "late", jobId: "late" }, true)];
    running.release();
    await turn();
    expect([waiting.granted(), first.granted()]).toEqual([false, true]);
  });

  it("closed slots refuse all waiting and later requests", async () => {
    const slots = new Slots(1);
    await slots.take(ANY);
    const waiting = slots.take(ANY);
    slots.close();
    await expect(waiting).rejects.toThrow(/stopping/);
    await expect(slots.take({ ...ANY, alone: true })).rejects.toThrow(/stopping/);
  });
});
