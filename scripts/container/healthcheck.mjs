// The container's health check: 0 when /health answers 200 in time. PORT is set in the image, so it is the port in
// use whatever a configuration file says.
const url = `http://127.0.0.1:${process.env['PORT'] || 8080}/health`;
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  if (!response.ok) throw new Error(`status ${response.status}`);
} catch (error) {
  process.stderr.write(`${url}: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
