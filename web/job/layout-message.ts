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
