import { describe, expect, it } from "vitest";
import { commandReference } from "./references.ts";

describe("references are generated", () => {
  it("of commands", () => expect(commandReference()).toMatchFileSnapshot("../docs/reference-commands.md"));
});
