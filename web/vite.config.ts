import { resolve } from "node:path";
import { defineConfig } from "vite";
import { digestOfSources, SOURCES_FILE } from "../cli/dashboard/page-sources.ts";

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
  worker: { format: "es" },
  plugins: [
    {
      name: "sources",
      generateBundle() {
        const source = digestOfSources(resolve(import.meta.dirname, ".."));
        this.emitFile({ type: "asset", fileName: SOURCES_FILE, source });
      },
    },
  ],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    // Everything is a file of this origin, so the page can do without inline code and `data:` addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
