/** Load from the generator's own process (generator.ts). */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GeneratorOptions, GeneratorResult } from './generator-contract.ts';
import { endWithUs } from './process.ts';
import { encodeRequestFile, type Request } from './request-file.ts';
import { encodeFrames } from './websocket-frames.ts';

const GENERATOR = fileURLToPath(new URL('./generator.js', import.meta.url));
/** WebSocket messages of one write without a schedule, where connections are few and where they are many; on a schedule 1. */
const MESSAGES_PER_WRITE = 64;
const MESSAGES_PER_WRITE_MANY = 4;
const MANY_CONNECTIONS = 500;

export interface GeneratedLoad {
  readonly url: string;
  /** Bodies or messages, sent in turn. */
  readonly bodies: readonly Buffer[];
  readonly eventsPerBody: number;
  readonly connections: number;
  readonly seconds: number;
  /** Bodies a second on schedule; undefined: as fast as answers come. */
  readonly rate?: number;
}

/** One round of HTTP. Rejects when the generator fails, which it does for every answer that it does not understand. */
export function generateHttp(
  load: GeneratedLoad,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<GeneratorResult> {
  const requests = load.bodies.map((body) => ({
    bytes: encodeRequest(load.url, path, headers, body),
    events: load.eventsPerBody,
    messages: 1,
  }));
  return generate(load, requests, { kind: 'http' });
}

/** One round over `GET /v1/stream`, each body a message. Rejects as generateHttp does. */
export function generateStream(load: GeneratedLoad, key: string): Promise<GeneratorResult> {
  const perWrite = messagesPerWrite(load);
  const writes: Request[] = [];
  for (let from = 0; from < load.bodies.length; from += perWrite) {
    const messages = load.bodies.slice(from, from + perWrite);
    writes.push({
      bytes: encodeFrames(messages),
      events: messages.length * load.eventsPerBody,
      messages: messages.length,
    });
  }
  return generate(load, writes, { kind: 'stream', key });
}

function messagesPerWrite({ rate, connections }: GeneratedLoad): number {
  if (rate !== undefined) return 1;
  return connections < MANY_CONNECTIONS ? MESSAGES_PER_WRITE : MESSAGES_PER_WRITE_MANY;
}

function encodeRequest(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Buffer {
  const lines = Object.entries({ ...headers, 'Content-Length': String(body.length) });
  const head = `POST ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

async function generate(
  load: GeneratedLoad,
  requests: readonly Request[],
  kind: Pick<GeneratorOptions, 'kind' | 'key'>,
): Promise<GeneratorResult> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-load-'));
  const requestFile = join(folder, 'requests.bin');
  try {
    writeFileSync(requestFile, encodeRequestFile(requests));
    const { hostname, port } = new URL(load.url);
    return await runGenerator({
      ...kind,
      host: hostname,
      port: Number(port),
      requestFile,
      connections: load.connections,
      seconds: load.seconds,
      ...(load.rate === undefined ? {} : { rate: load.rate }),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runGenerator(options: GeneratorOptions): Promise<GeneratorResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [GENERATOR, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    endWithUs(child);
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
    });
    child.once('exit', (code) => {
      if (code === 0) resolve(JSON.parse(text) as GeneratorResult);
      else reject(new Error(`the generator ended with ${code}`));
    });
  });
}
