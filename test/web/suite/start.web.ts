import { describe, expect, it } from "vitest";
import { open } from "../browser.ts";

describe("the page of new jobs", () => {
  it("makes a form of the fields, says the price before the button, and what is wrong at its field", async () => {
    const page = await open("#/start?workflow=files.archive");
    await page.getByText("41 task runs").waitFor();
    const files = page.getByLabel("files integer");
    expect(await files.inputValue()).toBe("40");
    await files.fill("many");
    await page.getByText("This is no number.").waitFor();
    await files.fill("-1");
    await expect.poll(() => page.locator("#field-files-problem").count()).toBe(1);
    expect(await page.getByRole("button", { name: "Start the job" }).isDisabled()).toBe(true);
    await files.fill("5");
    await page.getByLabel("fail json").fill("[2]");
    await page.getByText("6 task runs").waitFor();
    expect(await page.locator(".pane strong").textContent()).toMatch(/^\$0\.0/);
    await page.getByRole("button", { name: "Start the job" }).click();
    await page.getByRole("heading", { name: "files.archive" }).waitFor();
    await page.locator(".badge", { hasText: "failure" }).first().waitFor();
  });

  it("takes a canvas as JSON, and says the line of what is wrong", async () => {
    const page = await open("#/start?canvas=1");
    const canvas = page.getByRole("textbox", { name: "Canvas" });
    await canvas.fill('{\n  "chain": [\n    {"task": "noop"},\n    {"task": "nop"}\n  ]\n}');
    await page.getByText(/^line 4: .*nop/).waitFor();
    await canvas.fill('{"task": ');
    await page.getByRole("alert").waitFor();
    await canvas.fill('{"task": "noop"}');
    await page.getByText("1 task run,").waitFor();
    await page.getByRole("button", { name: "Start the job" }).click();
    await page.locator(".title .badge", { hasText: "success" }).waitFor();
  });
});
