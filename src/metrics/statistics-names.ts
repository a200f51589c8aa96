/**
 * The series that threads keep in shared memory and that are read together (statistics.ts): counts of events, single
 * values of a thread, histograms. The order of each table is the layout.
 */
import { TRANSPORTS } from '../event.ts';
import { STREAMS, type StreamName } from '../sinks/sink.ts';
import { SINKS } from './names.ts';

/**
 * What is counted of frames and their events by app, dialect and transport. At any time, and for each thread by itself,
 * received = accepted + rejected + duplicate + in flight (THREAD_VALUES, `eventsInFlight`).
 */
export const TRAFFIC_COUNTERS = [
  { key: 'frames', name: 'penstock_frames_total', help: 'HTTP bodies and WebSocket messages scanned' },
  {
    key: 'bytes',
    name: 'penstock_received_bytes_total',
    help: 'Bytes of scanned bodies, after decompression',
  },
  {
    key: 'received',
    name: 'penstock_events_received_total',
    help: 'Events found in scanned frames; a frame that is refused whole counts as one',
  },
  {
    key: 'accepted',
    name: 'penstock_events_accepted_total',
    help: 'Events that the journal has taken as durably as every answer promises',
  },
  {
    key: 'rejected',
    name: 'penstock_events_rejected_total',
    help: 'Events rejected, those included that their client is to send again',
  },
  {
    key: 'duplicate',
    name: 'penstock_events_duplicate_total',
    help: 'Events dropped because one with the same id was kept before',
  },
] as const;

export type TrafficKey = (typeof TRAFFIC_COUNTERS)[number]['key'];

/** Rejected events by app and code. */
export const REJECTIONS = {
  name: 'penstock_rejections_total',
  help: 'Rejected events by code; code worker_lost: the thread died, and the journal may have them all the same',
} as const;

/** Single values of each thread, the front's too. `scale` turns a word into the unit of its series. */
export const THREAD_VALUES = [
  {
    key: 'eventsInFlight',
    on: 'workers',
    type: 'gauge',
    name: 'penstock_events_in_flight',
    help: 'Events found in scanned frames whose verdict is not given',
    labels: {},
    scale: 1,
  },
  {
    key: 'cpuUserMs',
    on: 'all',
    type: 'counter',
    name: 'penstock_thread_cpu_seconds_total',
    help: 'Processor time of the thread alone',
    labels: { mode: 'user' },
    scale: 1e-3,
  },
  {
    key: 'cpuSystemMs',
    on: 'all',
    type: 'counter',
    name: 'penstock_thread_cpu_seconds_total',
    help: 'Processor time of the thread alone',
    labels: { mode: 'system' },
    scale: 1e-3,
  },
  {
    key: 'activeMs',
    on: 'all',
    type: 'counter',
    name: 'penstock_thread_active_seconds_total',
    help: 'Time in which the event loop of the thread did not wait for anything',
    labels: {},
    scale: 1e-3,
  },
  {
    key: 'heapUsedBytes',
    on: 'all',
    type: 'gauge',
    name: 'penstock_thread_heap_used_bytes',
    help: 'JavaScript heap of the thread in use',
    labels: {},
    scale: 1,
  },
] as const;

export type ThreadValueKey = (typeof THREAD_VALUES)[number]['key'];

/** Made of each thread's last sign of life at scrape time. */
export const THREAD_UP = {
  name: 'penstock_thread_up',
  help: '1 when the thread has given a sign of life within a second; 0 when it is stuck, dead or starting: its values are then its last ones',
} as const;

/** 1 ms to 10 s: an ack takes milliseconds, clients give up after some seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** 50 µs to 1 s: the steps of one slab. */
const SLAB_SECONDS = [
  5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
] as const;
/** Of the deliveries: an insert takes 10 ms to seconds, a send has failed after 30 s. */
const FLUSH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;
const KiB = 1024;
const MiB = 1024 * KiB;

/** The kinds that node:perf_hooks tells apart. */
export const GC_KINDS = ['minor', 'major', 'incremental', 'weakcb'] as const;

/** Label sets of what is kept a sink and stream, in the order of the layout. */
const SINK_LABELS = SINKS.flatMap((sink) => STREAMS.map((stream) => ({ sink, stream })));

/**
 * Histograms that threads keep; values are in the unit of the series. `labels` has a histogram each; `on` says which
 * threads write it.
 */
export const HISTOGRAMS = [
  {
    key: 'ack',
    name: 'penstock_ack_seconds',
    help: 'From a frame’s last byte to the answer that its verdict stands in the journal',
    on: 'front',
    labels: TRANSPORTS.map((transport) => ({ transport })),
    bounds: SECONDS,
  },
  {
    key: 'ackWait',
    name: 'penstock_ack_wait_seconds',
    help: 'What answers that promise more, fsync or delivered, took beyond that',
    on: 'front',
    labels: ['fsync', 'delivered'].map((level) => ({ level })),
    bounds: SECONDS,
  },
  {
    key: 'queueWait',
    name: 'penstock_queue_wait_seconds',
    help: 'From the first frame of a slab to the thread that begins with it',
    on: 'workers',
    labels: [{}],
    bounds: SLAB_SECONDS,
  },
  {
    key: 'scan',
    name: 'penstock_scan_seconds',
    help: 'Decompression, scan and the look for repeats, a slab',
    on: 'workers',
    labels: [{}],
    bounds: SLAB_SECONDS,
  },
  {
    key: 'journalWrite',
    name: 'penstock_journal_write_seconds',
    help: 'Writing a slab’s events to the journal, and gathering them for the sinks',
    on: 'workers',
    labels: [{}],
    bounds: SLAB_SECONDS,
  },
  {
    key: 'journalSync',
    name: 'penstock_journal_sync_seconds',
    help: 'Syncs of the journal to the disk, one for all answers that wait',
    on: 'workers',
    labels: [{}],
    bounds: SECONDS,
  },
  {
    key: 'slabBytes',
    name: 'penstock_slab_fill_bytes',
    help: 'Bytes of a slab when a thread takes it, its head of 144 KiB not counted',
    on: 'workers',
    labels: [{}],
    bounds: [KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, 512 * KiB, 900 * KiB, 4 * MiB],
  },
  {
    key: 'slabFrames',
    name: 'penstock_slab_fill_frames',
    help: 'Frames of a slab when a thread takes it, 2048 at most',
    on: 'workers',
    labels: [{}],
    bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2047],
  },
  {
    key: 'loopDelay',
    name: 'penstock_event_loop_delay_seconds',
    help: 'How late the thread’s timer of 50 ms was',
    on: 'all',
    labels: [{}],
    bounds: SECONDS,
  },
  {
    key: 'gc',
    name: 'penstock_gc_seconds',
    help: 'Pauses of the garbage collector',
    on: 'all',
    labels: GC_KINDS.map((kind) => ({ kind })),
    bounds: [5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5],
  },
  {
    key: 'flushRows',
    name: 'penstock_sink_flush_rows',
    help: 'Rows of a block that the sink has answered',
    on: 'workers',
    labels: SINK_LABELS,
    bounds: [1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 262_144],
  },
  {
    key: 'flushBytes',
    name: 'penstock_sink_flush_bytes',
    help: 'Bytes of a block that the sink has answered, as they were sent, before compression',
    on: 'workers',
    labels: SINK_LABELS,
    bounds: [KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB, 16 * MiB, 64 * MiB],
  },
  {
    key: 'flushSeconds',
    name: 'penstock_sink_flush_seconds',
    help: 'From sending a block to its answer; failed sends are not among them',
    on: 'workers',
    labels: SINK_LABELS,
    bounds: FLUSH_SECONDS,
  },
] as const satisfies readonly HistogramTable[];

interface HistogramTable {
  readonly key: string;
  readonly name: string;
  readonly help: string;
  readonly on: 'front' | 'workers' | 'all';
  readonly labels: readonly Readonly<Record<string, string>>[];
  /** Upper bounds of the buckets but the last, which has none; they grow. */
  readonly bounds: readonly number[];
}

export type HistogramKey = (typeof HISTOGRAMS)[number]['key'];

/** Which histogram of `flush…` a sink and stream has; -1 for a sink that is not in SINKS. */
export function sinkLabelIndex(sink: string, stream: StreamName): number {
  return SINK_LABELS.findIndex((labels) => labels.sink === sink && labels.stream === stream);
}
