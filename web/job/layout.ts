import { useEffect, useRef, useState } from "preact/hooks";
import type { JobGraph } from "../../functions/client/index.ts";

/** What the worker is asked: sizes of nodes and the edges between them. */
export interface LayoutRequest {
  readonly number: number;
  readonly nodes: readonly { readonly id: string; readonly width: number; readonly height: number }[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}
export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Layout {
  readonly number: number;
  readonly width: number;
  readonly height: number;
  /** Centres of the nodes, by id. */
  readonly places: Readonly<Record<string, Point>>;
  /** Points of each edge, in the order of the request. */
  readonly lines: readonly (readonly Point[])[];
}
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
