// What stands in deploy/grafana/dashboards, by file.
import consumer from './consumer.mjs';
import overview from './overview.mjs';
import redis from './redis.mjs';
import sinks from './sinks.mjs';
import threads from './threads.mjs';

export const DASHBOARDS = { overview, sinks, threads, redis, consumer };
