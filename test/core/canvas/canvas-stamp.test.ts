import { describe, expect, it } from "vitest";
import { pipe } from "../../../functions/core/canvas/canvas-composition.ts";
import { withLink, withLinkError } from "../../../functions/core/canvas/canvas-links.ts";
import { clone } from "../../../functions/core/canvas/canvas-parts.ts";
import { stamp } from "../../../functions/core/canvas/canvas-stamp.ts";
import { encodeCanvas, parseCanvas } from "../../../functions/core/canvas/canvas-wire.ts";
import { refusalOf } from "../refusal.ts";
import { signature } from "./canvas-arbitrary.ts";

const [a, b] = [signature("a"), signature("b")];
const stampsOf = (canvas: unknown): unknown => (canvas as { options: { stamps?: unknown } }).options.stamps;

describe("stamping", () => {
  it("reaches every signature and its links, but not links that come later", () => {
    const stamped = stamp(
      { kind: "chain", items: [withLink(a, b), { kind: "group", members: [b], options: {} }] },
      { team: "x" },
    );
    expect(JSON.stringify(stamped).match(/"team":"x"/g)).toHaveLength(3);
    expect(stamp(a, { team: "x" })).toMatchObject({ options: { stamps: { team: "x" } } });
    expect(stampsOf((withLink(stamp(a, { team: "x" }), b) as { link?: unknown[] }).link?.[0])).toBeUndefined();
  });
  it("again replaces a stamp, or appends to it, the newest first", () => {
    const once = stamp(a, { team: "1" });
    expect(stampsOf(stamp(once, { team: "2" }))).toEqual({ team: "2" });
    expect(stampsOf(stamp(once, { team: "2" }, {}, { append: true }))).toEqual({ team: ["2", "1"] });
  });
  it("cannot be overridden by a clone, and survives the wire and the pipe", () => {
    const once = stamp(a, { team: "1" });
    expect(stampsOf(clone(once, { options: { stamps: { team: "2" }, priority: 1 } }))).toEqual({ team: "1" });
    expect(parseCanvas(encodeCanvas(once))).toEqual(once);
    expect(pipe(once, b)).toMatchObject({ items: [{ options: { stamps: { team: "1" } } }, { options: {} }] });
  });
  it("asks a visitor on the way, and tells stamps from headers and options", () => {
    const asked: string[] = [];
    const chord = {
      kind: "chord" as const,
      header: { kind: "group" as const, members: [a], options: {} },
      body: withLinkError(b, a),
    };
    const stamped = stamp(
      chord,
      {},
      {
        onGroupStart: () => void asked.push("group") as undefined,
        onChordBody: () => ({ body: true }),
        onErrback: () => ({ failed: true }),
        onSignature: ({ task }) => {
          asked.push(task);
          return { by: task, trace: 7, priority: 3, stamped_headers: ["by"] };
        },
      },
    );
    expect(asked).toEqual(["group", "a", "a", "b"]);
    expect(stamped).toMatchObject({
      header: { members: [{ options: { stamps: { by: "a" }, headers: { trace: 7 }, priority: 3 } }] },
      body: {
        options: { stamps: { by: "b", body: true } },
        linkError: [{ options: { stamps: { by: "a", failed: true, body: true } } }],
      },
    });
  });
  it("refuses a stamp with the name of an option", () => {
    expect(refusalOf(() => stamp(a, { queue: "high" }))).toMatchObject({ code: "invalid_canvas" });
  });
});
