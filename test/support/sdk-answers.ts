/** What an SDK in a page sends over a connection of its own, and what every answer to it must be. */
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import { type RawAnswer, readAnswer } from './raw-http.ts';
import type { Family, Sent } from './sdk-answer-families.ts';

/** The page that all of them are on. */
export const ORIGIN = 'https://shop.example';

/** Sends on the connection what a page's SDK would, and reads one whole answer. */
export function exchange(socket: Socket, { method = 'POST', path, headers = {}, body = '' }: Sent) {
  const bytes = Buffer.from(body);
  const names = { host: 'a', origin: ORIGIN, ...headers, 'content-length': String(bytes.length) };
  const head = Object.entries(names).map(([name, value]) => `${name}: ${value}\r\n`);
  const answer = readAnswer(socket, 20_000);
  socket.write(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n`);
  socket.write(bytes);
  return answer;
}

export const headerOf = ({ head }: RawAnswer, name: string) =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1];

/** 200, in the words that its clients want. */
export function expectTaken(answer: RawAnswer, [type, body]: Family['ok']): void {
  expect([answer.status, headerOf(answer, 'content-type')]).toEqual([200, type]);
  if (typeof body === 'string') expect(answer.body).toBe(body);
  else expect(answer.body).toMatch(body);
  expectReadable(answer);
}

/** In words that its clients understand: a problem, or for Amplitude's the status as a number. */
export function expectRefused(
  answer: RawAnswer,
  { numeric }: Family,
  status: number,
  when: 'early' | 'late',
): void {
  expect(answer.status).toBe(status);
  const isNumeric = numeric === 'always' || numeric === when;
  const said = JSON.parse(answer.body) as Record<string, unknown>;
  if (isNumeric) {
    const isFinal = status !== 503 && status !== 413;
    expect(headerOf(answer, 'content-type')).toBe('application/json');
    expect([said['code'], typeof said['missing_field']]).toEqual([status, isFinal ? 'string' : 'undefined']);
    expect(String(said['error']).startsWith('Invalid API key')).toBe(status === 401);
  } else {
    expect(headerOf(answer, 'content-type')).toBe('application/problem+json');
    expect([said['status'], typeof said['code']]).toEqual([status, 'string']);
  }
  if (status === 503) expect(headerOf(answer, 'retry-after')).toMatch(/^[1-9]\d?$/);
  expectReadable(answer);
}

function expectReadable(answer: RawAnswer): void {
  expect(headerOf(answer, 'access-control-allow-origin')).toBe(ORIGIN);
  expect(headerOf(answer, 'access-control-allow-credentials')).toBe('true');
  expect(headerOf(answer, 'access-control-expose-headers')).toContain('Retry-After');
  expect(headerOf(answer, 'vary')).toBe('Origin');
}

/** That the connection goes on after what was sent. */
export async function expectOpen(socket: Socket): Promise<void> {
  const health = readAnswer(socket);
  socket.write('GET /health HTTP/1.1\r\nhost: a\r\n\r\n');
  expect((await health).status).toBe(200);
  socket.destroy();
}
