import { useEffect, useRef, useState } from "preact/hooks";
import type { JobGraph } from "../../functions/client/index.ts";
import type { Layout, LayoutRequest } from "./layout-message.ts";

export const NODE = { width: 190, height: 52 } as const;

/** Lays a graph out off the main thread. Until that is done the layout before stays. */
export function useLayout({ nodes, edges }: JobGraph): Layout | undefined {
  const [layout, setLayout] = useState<Layout>();
  const worker = useRef<Worker | undefined>(undefined);
  const number = useRef(0);
  const shape = JSON.stringify([nodes.map(({ id }) => id), edges.map(({ from, to }) => [from, to])]);
  useEffect(() => {
    const own = new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module" });
    own.addEventListener("message", ({ data }: MessageEvent<Layout>) => {
      if (data.number === number.current) setLayout(data);
    });
    worker.current = own;
    return () => own.terminate();
  }, []);
  useEffect(() => {
    const request: LayoutRequest = {
      number: ++number.current,
      nodes: nodes.map(({ id }) => ({ id, ...NODE })),
      edges: edges.map(({ from, to }) => ({ from, to })),
    };
    worker.current?.postMessage(request);
  }, [shape]);
  return layout;
}
