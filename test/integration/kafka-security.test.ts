/** SASL and TLS against a real broker, each mechanism, and what is said when it fails. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, until } from '../support/appliance.ts';
import { makeCertificate } from '../support/certificate.ts';
import { testEvents } from '../support/events.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { freePorts } from '../support/ports.ts';

const JAAS = 'org.apache.kafka.common.security';

describeKafka('who may send to Kafka', () => {
  let kafka: TestKafka;
  let folder = '';
  let ca = '';
  const ports = { SASL: 0, TLS: 0, BOTH: 0 };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'penstock-tls-'));
    const { key, cert } = makeCertificate(folder);
    ca = cert;
    const store = join(folder, 'store.pem');
    writeFileSync(store, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
    [ports.SASL = 0, ports.TLS = 0, ports.BOTH = 0] = await freePorts(3);
    const sasl = (name: string) => ({
      [`listener.name.${name}.plain.sasl.jaas.config`]: `${JAAS}.plain.PlainLoginModule required user_alice="secret";`,
      [`listener.name.${name}.scram-sha-256.sasl.jaas.config`]: `${JAAS}.scram.ScramLoginModule required;`,
      [`listener.name.${name}.scram-sha-512.sasl.jaas.config`]: `${JAAS}.scram.ScramLoginModule required;`,
    });
    kafka = await startKafka({
      listeners: [
        { name: 'SASL', port: ports.SASL, protocol: 'SASL_PLAINTEXT' },
        { name: 'TLS', port: ports.TLS, protocol: 'SSL' },
        { name: 'BOTH', port: ports.BOTH, protocol: 'SASL_SSL' },
      ],
      scram: {
        'SCRAM-SHA-256': { name: 'alice', password: 'secret' },
        'SCRAM-SHA-512': { name: 'alice', password: 'secret' },
      },
      settings: {
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'connections.max.reauth.ms': 4000,
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': store,
        ...sasl('sasl'),
        ...sasl('both'),
      },
    });
    await kafka.createTopic('secured', 3);
    await kafka.createTopic('events_rejected', 1);
  });
  afterAll(async () => {
    await kafka.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const login = (mechanism: string) => ({
    sasl_mechanism: mechanism,
    sasl_username: 'alice',
    sasl_password: 'secret',
  });

  test.each([
    ['SASL PLAIN', 'SASL', () => login('plain')],
    ['SASL SCRAM-SHA-256', 'SASL', () => login('scram-sha-256')],
    ['SASL SCRAM-SHA-512', 'SASL', () => login('scram-sha-512')],
    ['TLS', 'TLS', () => ({ tls: true, tls_ca_file: ca })],
    ['TLS and SCRAM', 'BOTH', () => ({ ...login('scram-sha-512'), tls: true, tls_ca_file: ca })],
    [
      'TLS and SCRAM, plain client',
      'BOTH',
      () => ({ ...login('scram-sha-256'), tls: true, tls_ca_file: ca, client: 'plain' }),
    ],
  ] as const)('%s', async (_name, door, options) => {
    const before = await kafka.count('secured');
    const section = { brokers: [`127.0.0.1:${ports[door]}`], topic: 'secured', ...options() };
    const server = await startServer({ config: { kafka: section } as never });
    try {
      await server.ready();
      const send = () =>
        fetch(`${server.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(testEvents(50)) });
      await send();
      await until(
        async () => (await kafka.count('secured')) === before + 50,
        15_000,
        () => `all are stored: ${JSON.stringify(server.logs)}`,
      );
    } finally {
      await server.stop();
    }
  });

  test('a session that ends is renewed, and nothing is stored twice or lost', async () => {
    const before = await kafka.count('secured');
    const section = { brokers: [`127.0.0.1:${ports.SASL}`], topic: 'secured', ...login('scram-sha-256') };
    const server = await startServer({ config: { kafka: section } as never });
    try {
      await server.ready();
      const end = Date.now() + 10_000;
      let sent = 0;
      for (; Date.now() < end; sent += 10) {
        const body = JSON.stringify(testEvents(10, 'e', sent));
        expect((await fetch(`${server.url}/v1/events/batch`, { method: 'POST', body })).status).toBe(200);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      await until(async () => (await kafka.count('secured')) >= before + sent, 20_000, 'all are stored');
      expect(await kafka.count('secured')).toBe(before + sent);
    } finally {
      await server.stop();
    }
  });

  test.each([
    ['a wrong password', 'SASL', { ...login('plain'), sasl_password: 'wrong' }, /[Aa]uthentication failed/],
    ['a certificate of nobody we know', 'TLS', { tls: true }, /self-signed certificate/],
    [
      'a file without a certificate',
      'TLS',
      { tls: true, tls_ca_file: '/dev/null' },
      /self-signed certificate/,
    ],
  ] as const)(
    '%s is told in the log, without the password, and the sink is not ready',
    async (_name, door, options, reason) => {
      const section = { brokers: [`127.0.0.1:${ports[door]}`], topic: 'secured', ...options };
      const server = await startServer({ config: { kafka: section } as never });
      try {
        const told = () => server.logs.find((line) => reason.test(String(line['reason'])));
        await until(
          () => told() !== undefined,
          20_000,
          () => `the log tells: ${JSON.stringify(server.logs.slice(-3))}`,
        );
        expect((await fetch(`${server.url}/ready`)).status).toBe(503);
        expect(JSON.stringify(server.logs)).not.toContain('wrong');
      } finally {
        await server.stop();
      }
    },
  );

  test('a file that is not there ends the start, which says which it is', async () => {
    const section = { brokers: [`127.0.0.1:${ports.TLS}`], tls: true, tls_ca_file: '/nowhere/ca.pem' };
    await expect(startServer({ config: { kafka: section } as never })).rejects.toThrow(
      'kafka.tls_ca_file: expected a file that can be read, got "/nowhere/ca.pem" (ENOENT)',
    );
  });
});
