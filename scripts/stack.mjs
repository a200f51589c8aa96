// npm run stack: the real servers that Penstock talks to, for tests and for work on this machine.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { helmProgram, installHelm } from './stack/helm.mjs';
import { installKafka, kafkaClassPath, newClusterId, startBroker } from './stack/kafka.mjs';
import {
  findProgram,
  isListening,
  recordedPid,
  startServer,
  stopServer,
  untilListening,
} from './stack/processes.mjs';

const HELP = `npm run stack -- <command> [kafka] [redis] [clickhouse] [prometheus]      all of them when none is named

  up        start what does not run yet, and say what is used
  down      stop what \`up\` started, by its pid; data stays in .cache/stack
  status    what runs
  install   fetch what the tests start themselves: Kafka's jars, and as root the Debian packages; without names
            chromium and helm too

Each server is taken from the first of these that there is:
  1. what already listens on its port (kafka 9092, redis 6379, clickhouse 8124, prometheus 9090)
  2. a program on PATH, or for kafka its jars in .cache
  3. kafka: jars of Maven Central (needs java 17 and mvn); the others: Debian packages (needs root)
  4. docker compose

A second Kafka broker, for changes of leaders: npm run stack -- up kafka --brokers 2
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const stack = join(root, '.cache/stack');
/** Debian asks it before a package starts a service; 101 forbids. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';
const KAFKA_PORT = 9092;
const BROKERS_MAX = 9;
const compose = ['compose', '-p', 'penstock-stack', '-f', join(root, 'scripts/stack/compose.yaml')];

const SERVERS = {
  kafka: {
    port: KAFKA_PORT,
    address: 'KAFKA_BROKERS=127.0.0.1:9092',
    isInstalled: () => kafkaClassPath() !== undefined,
    install: () => installKafka() || (installPackages('openjdk-17-jre-headless', 'maven') && installKafka()),
    start: (brokers) => startKafka(brokers),
  },
  redis: {
    port: 6379,
    address: 'REDIS_HOST=127.0.0.1',
    isInstalled: () => findProgram('redis-server') !== undefined,
    install: () => installPackages('redis-server'),
    async start() {
      const folder = join(stack, 'redis');
      const pid = startServer(folder, findProgram('redis-server'), [
        '--port',
        '6379',
        '--bind',
        '127.0.0.1',
        '--save',
        '',
      ]);
      await untilListening(folder, pid, 6379, 20_000);
    },
  },
  clickhouse: {
    port: 8124,
    address: 'CLICKHOUSE_URL=http://127.0.0.1:8124',
    isInstalled: () => findProgram('clickhouse-server') !== undefined,
    install: () => installPackages('clickhouse-server'),
    start: () => startClickhouse(),
  },
  prometheus: {
    port: 9090,
    address: 'scrapes 127.0.0.1:8080 by deploy/prometheus',
    // promtool, which tests the rules, is in the same package.
    isInstalled: () => findProgram('prometheus') !== undefined && findProgram('promtool') !== undefined,
    install: () => installPackages('prometheus'),
    start: () => startPrometheus(),
  },
};

/** What tests start themselves beside servers. */
const PROGRAMS = {
  chromium: {
    isInstalled: () => existsSync('/usr/bin/chromium'),
    install: () => installPackages('chromium'),
  },
  helm: {
    isInstalled: () => helmProgram() !== undefined,
    install: () => installHelm() || (installPackages('unzip') && installHelm()),
  },
};

const [command = '--help', ...rest] = process.argv.slice(2);
const at = rest.indexOf('--brokers');
const brokers = at < 0 ? 1 : Number(rest.splice(at, 2)[1]);
const unknown = rest.filter((name) => !(name in SERVERS));
const names = rest.length > 0 ? rest : Object.keys(SERVERS);
const commands = { up, down, status, install };
if (!(command in commands) || unknown.length > 0 || !(brokers >= 1 && brokers <= BROKERS_MAX)) {
  const isAsked = ['help', '--help', '-h'].includes(command);
  if (!isAsked) console.error(`stack: not known: ${[command, ...unknown].join(' ')}\n`);
  console.log(HELP);
  process.exitCode = isAsked ? 0 : 2;
} else {
  for (const name of names) await commands[command](name, SERVERS[name]);
  if (command === 'install' && rest.length === 0)
    for (const [name, program] of Object.entries(PROGRAMS)) install(name, program);
}

async function up(name, server) {
  const pid = recordedPid(folderOf(name));
  if (pid === undefined && (await isListening(server.port))) {
    return say(name, `uses what listens on port ${server.port}; ${server.address}`);
  }
  if (!server.isInstalled() && !server.install()) return upByDocker(name, server);
  try {
    await server.start(brokers);
    say(
      name,
      `runs, pid ${recordedPid(folderOf(name))}, data and log in .cache/stack/${name}; ${server.address}`,
    );
  } catch (error) {
    fail(name, error.message);
  }
}

function upByDocker(name, server) {
  const { status } = spawnSync('docker', [...compose, 'up', '-d', '--wait', name], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0)
    return fail(name, 'is not installed, cannot be installed here, and docker compose failed');
  writeFileSync(join(stack, `${name}.docker`), '');
  say(name, `runs in docker; ${server.address}`);
}

async function down(name) {
  const others = Array.from({ length: BROKERS_MAX - 1 }, (_, index) => brokerFolder(BROKERS_MAX - index));
  const folders = name === 'kafka' ? [...others, folderOf(name)] : [folderOf(name)];
  const pids = [];
  for (const folder of folders) pids.push(await stopServer(folder));
  const stopped = pids.filter((pid) => pid !== undefined);
  if (existsSync(join(stack, `${name}.docker`))) {
    spawnSync('docker', [...compose, 'rm', '-sf', name], { stdio: ['ignore', 2, 2] });
    return say(name, 'stopped its container');
  }
  say(name, stopped.length > 0 ? `stopped, pid ${stopped.join(', ')}` : 'nothing of ours ran');
}

async function status(name, server) {
  const pid = recordedPid(folderOf(name));
  const isUp = await isListening(server.port);
  say(
    name,
    isUp
      ? `listens on port ${server.port}, ${pid ? `pid ${pid}` : 'not started by this command'}`
      : 'is down',
  );
}

function install(name, server) {
  if (server.isInstalled() || server.install()) say(name, 'is installed');
  else fail(name, 'cannot be installed here');
}

async function startKafka(count) {
  mkdirSync(stack, { recursive: true });
  const idFile = join(stack, 'kafka.cluster');
  if (!existsSync(idFile)) writeFileSync(idFile, newClusterId());
  const clusterId = readFileSync(idFile, 'utf8');
  for (let node = 1; node <= count; node++) {
    const folder = brokerFolder(node);
    if (recordedPid(folder) !== undefined) continue;
    await startBroker({
      folder,
      node,
      port: KAFKA_PORT + 2 * (node - 1),
      controllerPort: KAFKA_PORT + 1,
      clusterId,
    });
  }
}

async function startClickhouse() {
  const folder = folderOf('clickhouse');
  mkdirSync(folder, { recursive: true });
  const users =
    '<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password/><networks><ip>127.0.0.1</ip>' +
    '</networks><profile>default</profile><quota>default</quota></default></users></yandex>';
  writeFileSync(join(folder, 'users.xml'), users);
  const config =
    `<yandex><logger><level>warning</level><console>1</console></logger><http_port>8124</http_port><tcp_port>9124</tcp_port>` +
    `<listen_host>127.0.0.1</listen_host><path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path>` +
    `<users_config>${folder}/users.xml</users_config><default_profile>default</default_profile>` +
    '<default_database>default</default_database><mark_cache_size>67108864</mark_cache_size></yandex>';
  writeFileSync(join(folder, 'config.xml'), config);
  const pid = startServer(folder, findProgram('clickhouse-server'), [`--config-file=${folder}/config.xml`]);
  await untilListening(folder, pid, 8124, 30_000);
}

async function startPrometheus() {
  const folder = folderOf('prometheus');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'prometheus.yml');
  const rules = join(root, 'deploy/prometheus/rules.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      global: { scrape_interval: '5s', evaluation_interval: '5s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'penstock', static_configs: [{ targets: ['127.0.0.1:8080'] }] }],
    }),
  );
  const pid = startServer(folder, findProgram('prometheus'), [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:9090',
  ]);
  await untilListening(folder, pid, 9090, 20_000);
}

/** The packages without their services: tests start servers of their own, and Debian starts what it installs. */
function installPackages(...packages) {
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) return false;
  const apt = (...parameters) =>
    spawnSync('apt-get', parameters, { stdio: ['ignore', 2, 2], env: aptEnvironment() }).status === 0;
  const get = () => apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
  const isOurs = !existsSync(SERVICE_POLICY);
  if (isOurs) writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return get() || (apt('update', '-qq') && get());
  } finally {
    if (isOurs) rmSync(SERVICE_POLICY, { force: true });
  }
}

function aptEnvironment() {
  return { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
}

function brokerFolder(node) {
  return node === 1 ? folderOf('kafka') : folderOf(`kafka-${node}`);
}

function folderOf(name) {
  return join(stack, name);
}

function say(name, text) {
  console.log(`${name.padEnd(10)} ${text}`);
}

function fail(name, text) {
  say(name, text);
  process.exitCode = 1;
}
