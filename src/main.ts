#!/usr/bin/env node
/**
 * The program's door. What must be true before anything else is loaded is made true here: a Node release that the
 * native HTTP server was built for, and that server's limit of header bytes, which it reads once, when it is loaded.
 * Everything else comes in by dynamic import behind these checks.
 */
import { REQUEST_HEAD_BYTES_MAX } from './limits.ts';

const NODE_MAJORS = ['20', '22'];

const [major = ''] = process.versions.node.split('.');
if (NODE_MAJORS.includes(major)) {
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(REQUEST_HEAD_BYTES_MAX);
  const { runCommand } = await import('./commands.ts');
  await runCommand(process.argv);
} else {
  process.stderr.write(
    `penstock needs Node ${NODE_MAJORS.join(' or ')}, this is ${process.versions.node}: its HTTP server is native code built for these two.\n`,
  );
  process.exitCode = 1;
}
