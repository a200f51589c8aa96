/** The series of statistics.ts: what they are called, and their values out of copies of the threads' rows. */
import type { Registry } from 'prom-client';
import { TRANSPORTS } from '../event.ts';
import { THREAD_SILENCE_MS_MAX } from '../limits.ts';
import { REASONS } from '../outcome.ts';
import { registerSampled, type Sample } from './sampled.ts';
import { histogramPlace, type StatisticsCopy } from './statistics.ts';
import { HISTOGRAMS, REJECTIONS, THREAD_UP, THREAD_VALUES, TRAFFIC_COUNTERS } from './statistics-names.ts';
import { eachCell, rejectionsStart, type TrafficLabels, trafficWord } from './traffic.ts';

/** A row with the name of its thread. */
export interface NamedRow {
  readonly thread: string;
  readonly row: StatisticsCopy;
  readonly isFront: boolean;
}

export interface ThreadSeriesSources {
  /** The rows as they are shown in the scrape under way. */
  rows(): readonly NamedRow[];
  monotonicMs(): number;
  readonly labels: TrafficLabels;
  /** Whether events go to that sink. */
  hasSink(sink: string): boolean;
}

/** Registers all of them. */
export function registerThreadSeries(registry: Registry, sources: ThreadSeriesSources): void {
  registerSampled(registry, {
    ...THREAD_UP,
    type: 'gauge',
    read: () =>
      sources.rows().map(({ thread, row, isFront }) => {
        const silentMs = sources.monotonicMs() - row.beatAtMs;
        return { labels: { thread }, value: isFront || silentMs < THREAD_SILENCE_MS_MAX ? 1 : 0 };
      }),
  });
  registerValues(registry, sources);
  registerTraffic(registry, sources);
  for (const histogram of HISTOGRAMS) registerHistogram(registry, sources, histogram);
}

function registerValues(registry: Registry, sources: ThreadSeriesSources): void {
  for (const name of new Set(THREAD_VALUES.map((value) => value.name))) {
    const values = THREAD_VALUES.filter((value) => value.name === name);
    const [{ help, type } = { help: '', type: 'gauge' as const }] = values;
    registerSampled(registry, {
      name,
      help,
      type,
      read: () =>
        sources.rows().flatMap(({ thread, row, isFront }) =>
          values
            .filter(({ on }) => on === 'all' || !isFront)
            .map(({ key, labels, scale }) => ({
              labels: { thread, ...labels },
              value: row.read(key) * scale,
            })),
        ),
    });
  }
}

function registerTraffic(registry: Registry, sources: ThreadSeriesSources): void {
  const { labels } = sources;
  const frames = trafficWord('frames');
  for (const { key, name, help } of TRAFFIC_COUNTERS) {
    const read = () =>
      workersOf(sources).flatMap(({ thread, row }) => {
        const samples: Sample[] = [];
        eachCell(labels, (cell, app, dialect, transport) => {
          if (row.words[cell + frames] === 0 && !isAlwaysShown(labels, app, dialect, transport)) return;
          samples.push({
            labels: {
              thread,
              app: labels.apps[app] ?? '',
              dialect: labels.dialects[dialect] ?? '',
              transport: TRANSPORTS[transport] ?? '',
            },
            value: row.words[cell + trafficWord(key)] ?? 0,
          });
        });
        return samples;
      });
    registerSampled(registry, { name, help, type: 'counter', read });
  }
  registerSampled(registry, {
    ...REJECTIONS,
    type: 'counter',
    read: () => workersOf(sources).flatMap(({ thread, row }) => rejectionsOf(thread, row, labels)),
  });
}

/** Each app is there from the start, so that the first events are a rise and not a series that begins. */
function isAlwaysShown({ ownApps }: TrafficLabels, app: number, dialect: number, transport: number) {
  return dialect === 0 && transport === 0 && ownApps.has(app);
}

function rejectionsOf(thread: string, { words }: StatisticsCopy, labels: TrafficLabels): Sample[] {
  const start = rejectionsStart(labels);
  return labels.apps.flatMap((app, place) =>
    REASONS.flatMap((code, reason) => {
      const value = words[start + place * REASONS.length + reason] ?? 0;
      return value === 0 ? [] : [{ labels: { thread, app, code }, value }];
    }),
  );
}

function registerHistogram(
  registry: Registry,
  sources: ThreadSeriesSources,
  histogram: (typeof HISTOGRAMS)[number],
): void {
  const { name, help, on, bounds } = histogram;
  const place = histogramPlace(histogram.key);
  const bucketName = `${name}_bucket`;
  const read = () =>
    sources
      .rows()
      .filter(({ isFront }) => on === 'all' || isFront === (on === 'front'))
      .flatMap(({ thread, row }) =>
        histogram.labels.flatMap((own: Readonly<Record<string, string>>, index): Sample[] => {
          const { sink } = own;
          if (sink !== undefined && !sources.hasSink(sink)) return [];
          const labels = { thread, ...own };
          const at = place.start + index * place.words;
          let count = 0;
          const buckets = [...bounds, '+Inf'].map((le, bucket) => {
            count += row.words[at + bucket] ?? 0;
            return { labels: { ...labels, le }, value: count, metricName: bucketName };
          });
          const sum = row.words[at + place.words - 1] ?? 0;
          return [
            ...buckets,
            { labels, value: sum, metricName: `${name}_sum` },
            { labels, value: count, metricName: `${name}_count` },
          ];
        }),
      );
  registerSampled(registry, { name, help, type: 'histogram', read });
}

function workersOf(sources: ThreadSeriesSources): NamedRow[] {
  return sources.rows().filter(({ isFront }) => !isFront);
}
