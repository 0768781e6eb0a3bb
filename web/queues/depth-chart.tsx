import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatCount, formatTime } from "../format.ts";

/** Messages of all queues at one time. */
export interface Sample {
  readonly at: number;
  readonly ready: number;
  readonly inFlight: number;
}
const HEIGHT = 220;
/** The least that the time axis shows. */
const LEAST_SECONDS = 120;
/** Lines of messages over time: a solid one for those that wait, a dashed one for those in flight. */
export function DepthChart({ samples }: { readonly samples: readonly Sample[] }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const data = dataOf(samples);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const made = new uPlot(optionsOf(element), data, element);
    chart.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => chart.current?.setData(data), [samples]);
  const last = samples.at(-1);
  return (
    <div
      class="chart"
      ref={box}
      role="img"
      aria-label={
        last ? `now ${formatCount(last.ready)} ready, ${formatCount(last.inFlight)} in flight` : "no sample yet"
      }
    />
  );
}
function dataOf(samples: readonly Sample[]): uPlot.AlignedData {
  return [
    samples.map(({ at }) => at / 1_000),
    samples.map(({ ready }) => ready),
    samples.map(({ inFlight }) => inFlight),
  ];
}
function optionsOf(element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    element.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const axis = {
    stroke: style.color,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line") },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { range: (_chart, first, last) => [Math.min(first, last - LEAST_SECONDS), last] },
      y: { range: (_chart, _least, most) => [0, Math.max(4, most * 1.1)] },
    },
    axes: [
      { ...axis, values: (_chart, ticks) => ticks.map((at) => formatTime(at * 1_000).slice(-8)), space: 90 },
      {
        ...axis,
        values: (_chart, ticks) => ticks.map((count) => (Number.isInteger(count) ? formatCount(count) : "")),
        size: 70,
        incrs: [1, 2, 5].flatMap((n) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6].map((by) => n * by)).toSorted((a, b) => a - b),
      },
    ],
    series: [
      { label: "time", value: (_chart, at) => (at === null ? "" : formatTime(at * 1_000)) },
      { label: "ready", stroke: colour("--busy"), width: 2, value: showCount },
      { label: "in flight", stroke: colour("--wait"), width: 2, dash: [6, 4], value: showCount },
    ],
  };
}
const showCount = (_chart: uPlot, count: number | null): string => (count === null ? "" : formatCount(count));
