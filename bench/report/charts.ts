/**
 * Charts as SVG text: one panel a scenario, each with its own scale that begins at zero, since a request of one event and a
 * batch of 1000 have none in common. ECharts draws them without a browser (docs/decisions.md).
 */
import * as echarts from 'echarts';
import type { Spread } from '../statistics.ts';

const WIDTH = 960;
const MARGIN_LEFT = 150;
const MARGIN_RIGHT = 70;
const HEAD = 64;
const BAR = 26;
const PANEL_GAP = 74;
const LINES_HEIGHT = 220;
/** Distinct for those who see colours differently (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#999999', '#f0e442'];

export interface BarPanel {
  readonly title: string;
  readonly bars: readonly { readonly name: string; readonly value: Spread }[];
}

export interface LinePanel {
  readonly title: string;
  /** Names of the places on the x axis; undefined where x is a number. */
  readonly places?: readonly string[];
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

interface Axes {
  readonly x: string;
  readonly y: string;
  readonly isLogarithmic?: boolean;
}

/** Horizontal bars at the median, with a whisker from the lowest to the highest. */
export function barChart(title: string, unit: string, panels: readonly BarPanel[]): string {
  const colours = coloursOf(panels.flatMap(({ bars }) => bars.map(({ name }) => name)));
  const tops = stack(panels.map(({ bars }) => bars.length * BAR));
  const series = panels.flatMap(({ bars }, index) => {
    const place = { xAxisIndex: index, yAxisIndex: index };
    return [
      {
        type: 'bar' as const,
        ...place,
        barWidth: BAR * 0.6,
        data: bars.map(({ name, value }) => ({
          value: value.median,
          itemStyle: { color: colours.get(name) ?? '#999' },
        })),
        label: {
          show: true,
          position: 'insideLeft' as const,
          color: '#fff',
          fontSize: 11,
          formatter: ({ value }: { value: unknown }) => short(Number(value)),
        },
      },
      {
        type: 'custom' as const,
        ...place,
        data: bars.map(({ value }, row) => [value.min, value.max, row]),
        encode: { x: [0, 1], y: 2 },
        renderItem: whisker,
      },
    ];
  });
  return draw(title, tops.height, {
    grid: panels.map(({ bars }, index) => gridAt(tops.tops[index] ?? 0, bars.length * BAR)),
    xAxis: panels.map((_, index) => ({
      type: 'value' as const,
      gridIndex: index,
      min: 0,
      splitNumber: 5,
      name: unit,
      nameLocation: 'end' as const,
      nameTextStyle: { fontSize: 10 },
      axisLabel: { fontSize: 10, formatter: short },
    })),
    yAxis: panels.map(({ bars }, index) => ({
      type: 'category' as const,
      gridIndex: index,
      inverse: true,
      data: bars.map(({ name }) => name),
      axisLabel: { fontSize: 11 },
    })),
    titles: panels.map((panel, index) => titleAt(panel.title, tops.tops[index] ?? 0)),
    series,
  });
}

/** Lines over numbers or over named places. */
export function lineChart(title: string, axes: Axes, panels: readonly LinePanel[]): string {
  const names = [...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const colours = coloursOf(names);
  const tops = stack(panels.map(() => LINES_HEIGHT));
  return draw(title, tops.height, {
    legend: { data: names, top: 32, left: MARGIN_LEFT, itemHeight: 8, textStyle: { fontSize: 11 } },
    grid: panels.map((_, index) => gridAt(tops.tops[index] ?? 0, LINES_HEIGHT)),
    xAxis: panels.map(({ places }, index) => ({
      ...(places === undefined
        ? { type: 'value' as const, min: 0 }
        : { type: 'category' as const, data: [...places], boundaryGap: false }),
      gridIndex: index,
      name: axes.x,
      nameTextStyle: { fontSize: 10 },
      axisLabel: { fontSize: 10 },
    })),
    yAxis: panels.map((_, index) => ({
      type: axes.isLogarithmic === true ? ('log' as const) : ('value' as const),
      gridIndex: index,
      name: axes.y,
      nameLocation: 'middle' as const,
      nameGap: 48,
      nameTextStyle: { fontSize: 10 },
      axisLabel: { fontSize: 10, formatter: short },
    })),
    titles: panels.map((panel, index) => titleAt(panel.title, tops.tops[index] ?? 0)),
    series: panels.flatMap(({ lines }, index) =>
      lines.map(({ name, points }) => ({
        type: 'line' as const,
        name,
        xAxisIndex: index,
        yAxisIndex: index,
        showSymbol: points.length < 20,
        data: points.map(([x, y]) => [x, y]),
        lineStyle: { width: 1.5 },
        color: colours.get(name) ?? '#999',
      })),
    ),
  });
}

function draw(
  title: string,
  height: number,
  { titles, ...options }: { titles: echarts.TitleComponentOption[] } & echarts.EChartsCoreOption,
): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    title: [{ text: title, left: 12, top: 8, textStyle: { fontSize: 16 } }, ...titles],
    ...options,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const whisker: echarts.CustomSeriesOption['renderItem'] = (_parameters, api) => {
  const row = api.value(2);
  const [fromX = 0, y = 0] = api.coord([api.value(0), row]);
  const [toX = 0] = api.coord([api.value(1), row]);
  const line = (x1: number, y1: number, x2: number, y2: number) => ({
    type: 'line' as const,
    shape: { x1, y1, x2, y2 },
    style: { stroke: '#222', lineWidth: 1.2 },
  });
  return {
    type: 'group',
    children: [line(fromX, y, toX, y), line(fromX, y - 4, fromX, y + 4), line(toX, y - 4, toX, y + 4)],
  };
};

function stack(heights: readonly number[]): { tops: number[]; height: number } {
  let at = HEAD + 24;
  const tops = heights.map((height) => {
    const top = at;
    at += height + PANEL_GAP;
    return top;
  });
  return { tops, height: at - 24 };
}

function gridAt(top: number, height: number) {
  return { left: MARGIN_LEFT, right: MARGIN_RIGHT, top, height };
}

function titleAt(text: string, top: number) {
  return { text, left: 12, top: top - 24, textStyle: { fontSize: 12, fontWeight: 'normal' as const } };
}

function coloursOf(names: readonly string[]): Map<string, string> {
  return new Map([...new Set(names)].map((name, index) => [name, COLOURS[index % COLOURS.length] ?? '#999']));
}

/** 1.2 M, 340 k, 5.1. */
function short(value: number): string {
  if (value >= 1e6) return `${trim(value / 1e6)} M`;
  if (value >= 1e3) return `${trim(value / 1e3)} k`;
  return trim(value);
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}
