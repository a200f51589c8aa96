import type { Registry } from 'prom-client';
import { registerSampled } from './sampled.ts';

/**
 * The series of the process as a whole that every exporter has by these names, that of the consumer too; they carry no
 * `thread`. prom-client's own set of them would also list the open files at each scrape, 20,000 with as many connections,
 * and measure the event loop a second time.
 */
export function registerProcessSeries(registry: Registry): void {
  registerSampled(registry, {
    type: 'counter',
    name: 'process_cpu_seconds_total',
    help: 'Processor time of all threads, those of the runtime included; the embedded store is another process',
    read: () => {
      const { user, system } = process.cpuUsage();
      return [{ labels: {}, value: (user + system) / 1e6 }];
    },
  });
  registerSampled(registry, {
    type: 'gauge',
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of all threads; the embedded store is another process',
    read: () => [{ labels: {}, value: process.memoryUsage.rss() }],
  });
  registerSampled(registry, {
    type: 'gauge',
    name: 'process_start_time_seconds',
    help: 'When the process started, seconds since 1970',
    read: () => [{ labels: {}, value: Math.round(performance.timeOrigin) / 1000 }],
  });
}
