import { describe, expect, it } from "vitest";
import { BodyRoom, readText } from "../../functions/api/read-body.ts";

const MOST = 64;
const request = (body: string | Uint8Array<ArrayBuffer>, declared?: number): Request =>
  new Request("http://localhost/jobs", {
    method: "POST",
    body,
    ...(declared !== undefined && { headers: { "Content-Length": String(declared) } }),
  });

describe.each([
  ["with a declared length", (bytes: number) => bytes],
  ["without a declared length", () => undefined],
])("a body %s", (_title, declared) => {
  it("is read as text, and its room is given back", async () => {
    const room = new BodyRoom(40);
    for (let time = 0; time < 3; time++) expect(await readText(request("{}ä", declared(4)), MOST, room)).toBe("{}ä");
    room.take(40);
  });
  it("is refused when it is not UTF-8, too large, or has no room", async () => {
    const room = new BodyRoom(40);
    const notText = request(new Uint8Array([123, 255, 125]), declared(3));
    await expect(readText(notText, MOST, room)).rejects.toMatchObject({ code: "invalid_json" });
    await expect(readText(request("x".repeat(65), declared(5)), MOST, new BodyRoom(200))).rejects.toMatchObject({
      code: "payload_too_large",
    });
    await expect(readText(request("x".repeat(41), declared(41)), MOST, room)).rejects.toMatchObject({
      code: "server_busy",
    });
    room.take(40);
  });
});
