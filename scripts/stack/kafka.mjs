// Apache Kafka without its distribution: the jars of Maven Central on a class path, in KRaft mode. Broker 1 is the
// controller as well; others follow it. Used by scripts/stack.mjs and by the tests, which start brokers of their own.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, startServer, untilListening } from './processes.mjs';

const VERSION = '4.1.0';
/** Kafka ships its API for logs only; this prints warnings to the log file. */
const LOGS = { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' };

const root = fileURLToPath(new URL('../..', import.meta.url));
const cacheFolder = join(root, `.cache/kafka-${VERSION}`);
const START_TIMEOUT_MS = 90_000;

/** A class path for Kafka: jars that were fetched, or those of a distribution on PATH; undefined when there are none. */
export function kafkaClassPath() {
  if (findProgram('java') === undefined) return undefined;
  if (existsSync(cacheFolder)) return join(cacheFolder, '*');
  const script = findProgram('kafka-server-start.sh');
  return script && join(dirname(dirname(realpathSync(script))), 'libs/*');
}

/** Fetches Kafka's jars by Maven, once. Gives false where java or mvn is missing or the fetch fails. */
export function installKafka() {
  if (kafkaClassPath() !== undefined) return true;
  if (findProgram('java') === undefined || findProgram('mvn') === undefined) return false;
  const work = `${cacheFolder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const dependency = ({ group, name, version }) =>
    `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  const pom =
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>penstock</groupId>' +
    '<artifactId>kafka-stack</artifactId><version>1</version><dependencies>' +
    dependency({ group: 'org.apache.kafka', name: 'kafka_2.13', version: VERSION }) +
    `${dependency(LOGS)}</dependencies></project>`;
  writeFileSync(join(work, 'pom.xml'), pom);
  const parameters = [
    '-q',
    '-B',
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${work}/jars`,
  ];
  const { status } = spawnSync('mvn', parameters, { cwd: work, stdio: ['ignore', 2, 2] });
  // Moved as a whole, so that a folder that is there is complete.
  if (status === 0 && !existsSync(cacheFolder)) renameSync(join(work, 'jars'), cacheFolder);
  rmSync(work, { recursive: true, force: true });
  return status === 0;
}

/**
 * Formats and starts broker `node` of a cluster, or starts it again on the data it has, and waits until it listens.
 * `folder` is its own. `settings` are further lines of server.properties; `listeners` are further doors for clients, each with
 * name, port and protocol; `scram` is name and password by mechanism of users that are made with the cluster. Gives its pid.
 */
export async function startBroker(options) {
  const {
    folder,
    node = 1,
    port,
    controllerPort,
    clusterId,
    settings = {},
    listeners = [],
    scram = {},
  } = options;
  const classPath = kafkaClassPath();
  if (classPath === undefined) throw new Error('Kafka is not installed; run: npm run stack -- install kafka');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'server.properties');
  writeFileSync(file, propertiesOf({ folder, node, port, controllerPort, settings, listeners }));
  const run = (main, ...parameters) => [
    '-Xmx384m',
    '-XX:+UseSerialGC',
    // Servers that live for minutes: less compiling, half the time to start.
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    classPath,
    main,
    ...parameters,
  ];
  if (!existsSync(join(folder, 'data'))) {
    const format = run('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file);
    const users = Object.entries(scram).flatMap(([mechanism, { name, password }]) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]);
    const formatted = spawnSync('java', [...format, ...users], { encoding: 'utf8' });
    if (formatted.status !== 0)
      throw new Error(`Kafka's storage cannot be formatted:\n${formatted.stdout}${formatted.stderr}`);
  }
  const pid = startServer(folder, 'java', run('kafka.Kafka', file));
  await untilListening(folder, pid, port, START_TIMEOUT_MS);
  return pid;
}

/** An id for a new cluster. */
export function newClusterId() {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A');
}

function propertiesOf({ folder, node, port, controllerPort, settings, listeners }) {
  const isController = node === 1;
  const doors = [{ name: 'CLIENT', port, protocol: 'PLAINTEXT' }, ...listeners];
  const addresses = doors.map((door) => `${door.name}://127.0.0.1:${door.port}`);
  const protocols = doors.map((door) => `${door.name}:${door.protocol}`);
  const all = {
    'process.roles': isController ? 'broker,controller' : 'broker',
    'node.id': node,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: [...addresses, ...(isController ? [`CONTROLLER://127.0.0.1:${controllerPort}`] : [])].join(),
    'advertised.listeners': addresses.join(),
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', ...protocols].join(),
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'num.partitions': 3,
    // A broker that was killed may come back when its last life is forgotten.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
