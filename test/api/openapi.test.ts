import { describe, expect, it } from "vitest";
import { PROBLEMS } from "../../functions/api/problem.ts";
import { ROUTES } from "../../functions/api/routes.ts";
import { ERROR_CODES } from "../../functions/core/errors.ts";
import { readFileSync } from "node:fs";
import { startApi } from "./api.ts";

interface Document {
  readonly openapi: string;
  readonly paths: {
    readonly [path: string]: {
      readonly [method: string]: { readonly operationId: string; readonly parameters: { name: string; in: string }[] };
    };
  };
  readonly components: { readonly schemas: object };
}
async function read(): Promise<{ text: string; document: Document }> {
  const text = await (await startApi().ask("GET", "/openapi.json")).text();
  return { text, document: JSON.parse(text) as Document };
}

describe("/openapi.json", () => {
  it("/openapi.json describes every route", async () => {
    const { document } = await read();
    expect(document.openapi).toBe("3.1.0");
    for (const { method, path } of ROUTES)
      expect(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`).toBeDefined();
    expect(Object.values(document.paths).flatMap((methods) => Object.keys(methods))).toHaveLength(ROUTES.length);
    const operations = ROUTES.map((route) => route.operation);
    expect(new Set(operations).size).toBe(operations.length);
  });

  it("/openapi.json refers only to schemas that it defines", async () => {
    const { text, document } = await read();
    const defined = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    const referred = [...text.matchAll(/"\$ref":"(#\/components\/schemas\/[^"]+)"/g)].map((match) => match[1]);
    expect(referred.length).toBeGreaterThan(20);
    expect(referred.filter((each) => !defined.includes(each ?? ""))).toEqual([]);
    expect(text).not.toContain("$defs");
  });

  it("/openapi.json declares every part of a path as a parameter", async () => {
    const { document } = await read();
    for (const [path, methods] of Object.entries(document.paths)) {
      const parts = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const { parameters } of Object.values(methods))
        expect(parameters.filter((each) => each.in === "path").map((each) => each.name)).toEqual(parts);
    }
  });
});

describe("codes", () => {
  it("every error code has the status that docs/errors.md states", () => {
    const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
    const documented = Object.fromEntries(
      [...page.matchAll(/^\| `([a-z_]+)` \| (\d+|-) \|/gm)].map((match) => [
        match[1],
        match[2] === "-" ? 500 : Number(match[2]),
      ]),
    );
    expect(Object.fromEntries(ERROR_CODES.map((code) => [code, PROBLEMS[code][0]]))).toEqual(documented);
  });
});
