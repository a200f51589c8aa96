import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * The series of the process as a whole that every exporter has by these names; they carry no `thread`. prom-client's own
 * set of them would also list the open files at each scrape, 20,000 with as many connections, and measure the event loop
 * a second time.
 */
export function registerProcessSeries(registry: Registry): void {
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of all threads, those of the runtime included; the embedded store is another process',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of front and workers',
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, seconds since 1970',
    registers: [registry],
    collect() {
      this.set(Math.round(performance.timeOrigin) / 1000);
    },
  });
}
