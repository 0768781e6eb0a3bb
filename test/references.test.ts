import { describe, expect, it } from "vitest";
import { configReference } from "./config-reference.ts";
import { commandReference } from "./references.ts";

describe("references are generated", () => {
  it("of commands", () => expect(commandReference()).toMatchFileSnapshot("../docs/reference-commands.md"));
  it("of the configuration", () => expect(configReference()).toMatchFileSnapshot("../docs/reference-config.md"));
});
