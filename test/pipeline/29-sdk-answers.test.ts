/**
 * Chapter 29, what every SDK hears in every state of the server: taken and refused for what it is here, full and stopping
 * in 29-sdk-answers-full-and-stopping.test.ts. Each dialect's words are what its clients were measured to need
 * (docs/sdks.md); whatever it is, it is one whole answer that a page may read, on a connection that goes on, and never 429,
 * 404, a redirect or an end without an answer.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { openSocket, type RawAnswer } from '../support/raw-http.ts';
import { basic, KEY, startSdkServer } from '../support/real-sdk.ts';
import { FAMILIES, type Sent } from '../support/sdk-answer-families.ts';
import { exchange, expectOpen, expectRefused, expectTaken } from '../support/sdk-answers.ts';

/** For what a family has no such case of. */
function none(_name: string, _check: () => Promise<void>): void {}

describe.each(FAMILIES)('$name', (family) => {
  let server: Running;
  beforeAll(async () => {
    server = await shared();
  });

  async function send(sent: Sent): Promise<RawAnswer> {
    const socket = await openSocket(server.url);
    const answer = await exchange(socket, sent);
    await expectOpen(socket);
    return answer;
  }

  test('what is good: 200, in the words that it wants', async () => {
    expectTaken(await send(family.send(KEY)), family.ok);
  });

  test('an unknown key: 401', async () => {
    expectRefused(await send(family.send('nobody')), family, 401, 'late');
  });

  test('an encoding that is none', async () => {
    const { headers, ...sent } = family.send(KEY);
    const answer = await send({ ...sent, headers: { ...headers, 'content-encoding': 'lzma' } });
    expectRefused(answer, family, family.unknownEncoding, 'early');
  });

  const isPost = family.send(KEY).method !== 'GET';
  (isPost ? test : none)('a body over the limit is read to its end', async () => {
    const { body = '', ...sent } = family.send(KEY);
    const answer = await send({ ...sent, body: `${body.slice(0, -1)}${' '.repeat(6_000_000)}` });
    expectRefused(answer, family, family.tooLarge, 'early');
  });

  (family.tooMany !== undefined ? test : none)('more events than may be', async () => {
    expectRefused(await send(family.send(KEY, 10_001)), family, family.tooMany ?? 0, 'late');
  });

  (isPost ? test : none)('nothing at all, as beacons send it: 200', async () => {
    const { path, headers } = family.send(KEY);
    const answer = await send({ path, headers: { ...headers, ...basic(KEY) } });
    expectTaken(answer, [family.ok[0], family.numeric === undefined ? family.ok[1] : /^\{"code":200/]);
  });
});

let running: Promise<Running> | undefined;
/** One server for all of them. */
function shared(): Promise<Running> {
  running ??= startSdkServer();
  return running;
}
afterAll(async () => {
  expect(await (await shared()).stop()).toBe(0);
});
