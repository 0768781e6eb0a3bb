import assert from "node:assert/strict";
import { statSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
import type { Check } from "./main.ts";
import type { Walk } from "./walk.ts";

/** Bytes of a tarball beyond which something is in it that does not belong there. */
const MOST_BYTES = 2_000_000;

export function tarballChecks(walk: Walk): readonly Check[] {
  const listed = (): string[] => walk.must(walk.folder, "tar", "tzf", walk.tarball).trim().split("\n");
  return [
    [
      "the tarball has what package.json exports, and nothing that only this repository needs",
      () => {
        const files = listed().map((path) => path.replace(/^package\//, ""));
        const exported = Object.values(packageJson.exports).flatMap((each) =>
          typeof each === "string" ? [each] : Object.values(each),
        );
        const wanted = [...exported, ...Object.values(packageJson.bin)].map((path) => path.replace(/^\.\//, ""));
        assert.deepEqual(
          wanted.filter((path) => !files.includes(path)),
          [],
        );
        const belongs = /^(dist\/(chunks|cli|functions|infra|web)\/|(package\.json|README\.md|LICENSE|CHANGELOG\.md)$)/;
        assert.deepEqual(
          files.filter((path) => !belongs.test(path) || /\.test\.|(?<!\.d)\.ts$/.test(path)),
          [],
        );
        assert.ok(statSync(walk.tarball).size < MOST_BYTES, `it has ${statSync(walk.tarball).size} bytes`);
      },
    ],
  ];
}
