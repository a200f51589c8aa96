/** Load as fast as answers come, by the generator's own process (generator.ts). */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GeneratorOptions, GeneratorResult } from './generator.ts';

const GENERATOR = fileURLToPath(new URL('./generator.js', import.meta.url));

export interface ClosedLoop {
  readonly url: string;
  readonly path: string;
  /** Sent in turn over all connections. */
  readonly bodies: readonly Buffer[];
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
}

/** One round. Rejects when the generator fails, which it does for every answer that it does not understand. */
export async function closedLoop(load: ClosedLoop): Promise<GeneratorResult> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-load-'));
  const requestFile = join(folder, 'requests.bin');
  try {
    writeFileSync(requestFile, Buffer.concat(load.bodies.flatMap((body) => encodeRequest(load, body))));
    const { hostname, port } = new URL(load.url);
    return await generate({
      host: hostname,
      port: Number(port),
      requestFile,
      connections: load.connections,
      seconds: load.seconds,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function encodeRequest({ url, path, headers }: ClosedLoop, body: Buffer): Buffer[] {
  const lines = Object.entries({ ...headers, 'Content-Length': String(body.length) });
  const head = Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length + body.length);
  return [length, head, body];
}

function generate(options: GeneratorOptions): Promise<GeneratorResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [GENERATOR, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
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
