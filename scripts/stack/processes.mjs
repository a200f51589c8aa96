// Servers as child processes that outlive the command: started detached, recorded as `<folder>/pid`, stopped by that pid.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether something accepts connections on 127.0.0.1:`port`. */
export function isListening(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', timeout: 1000 });
    const settle = (is) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
  });
}

/** The program of that name on PATH, or undefined. */
export function findProgram(name) {
  const folders = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin');
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Starts a server whose output goes to `<folder>/log`. Gives its pid. */
export function startServer(folder, command, parameters, env = {}) {
  mkdirSync(folder, { recursive: true });
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(command, parameters, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  });
  child.on('error', () => {});
  child.unref();
  if (child.pid === undefined) throw new Error(`${command} cannot be started; is it installed?`);
  writeFileSync(join(folder, 'pid'), `${child.pid}\n${startTime(child.pid) ?? ''}\n`);
  return child.pid;
}

/** Resolves when `port` listens; rejects when the process ends before, or after `timeoutMs`. */
export async function untilListening(folder, pid, port, timeoutMs) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(100)) {
    if (await isListening(port)) return;
    if (!isAlive(pid)) break;
  }
  const log = readFileSync(join(folder, 'log'), 'utf8').slice(-2000);
  throw new Error(
    `nothing listens on port ${port} after ${timeoutMs / 1000} s; ${join(folder, 'log')} ends with:\n${log}`,
  );
}

/** The pid that `startServer` recorded in `folder`, when that very process lives. */
export function recordedPid(folder) {
  if (!existsSync(join(folder, 'pid'))) return undefined;
  const [pid = '', started] = readFileSync(join(folder, 'pid'), 'utf8').split('\n');
  // A number may be another process's by now.
  return isAlive(Number(pid)) && (startTime(Number(pid)) ?? '') === started ? Number(pid) : undefined;
}

/** Ends the server recorded in `folder`, by force after ten seconds. Gives its pid, or undefined when none ran. */
export async function stopServer(folder) {
  const pid = recordedPid(folder);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    for (const end = Date.now() + 10_000; isAlive(pid) && Date.now() < end; ) await sleep(50);
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
  rmSync(join(folder, 'pid'), { force: true });
  return pid;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return processFields(pid)?.[0] !== 'Z';
  } catch {
    return false;
  }
}

/** When the process started, in clock ticks since boot: with its number it is unique. */
function startTime(pid) {
  return processFields(pid)?.[19];
}

/** Fields of /proc/<pid>/stat behind the name, from the state on; undefined where there is no /proc. */
function processFields(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined;
  }
}
