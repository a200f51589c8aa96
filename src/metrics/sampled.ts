import type { Gauge, Registry } from 'prom-client';

/** One value of a metric; `metricName` where it is not the metric's own (`_bucket`, `_sum`, `_count`). */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface SampledMetric {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Called at every scrape. */
  readonly read: () => Sample[];
}

/**
 * Registers a metric whose values stand elsewhere. prom-client's own classes count by themselves, label set by label set
 * through a hash; what its registry asks a metric for when it writes the text is only this.
 */
export function registerSampled(registry: Registry, { name, help, type, read }: SampledMetric): void {
  const metric = {
    name,
    help,
    type,
    get: () => Promise.resolve({ name, help, type, values: read(), aggregator: 'sum' as const }),
  };
  registry.registerMetric(metric as unknown as Gauge);
}
