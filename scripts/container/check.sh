#!/usr/bin/env bash
# Assembles the image's content, starts it confined, waits for its health check, sends an event, stops it.
#   bash scripts/container/check.sh <work folder> <node binary>
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$1 node=$2
export PATH="$(dirname "$node"):$PATH"
bash "$here/assemble.sh" "$work"
mkdir -p "$work/data"

PORT=$(node -e 'const s = require("node:net").createServer().listen(0, () => { console.log(s.address().port); s.close(); })')
export PORT NODE_ENV=production PENSTOCK_EMBEDDED_PORT=0
confine() { bash "$here/confine.sh" "$work/app" "$work/data" "$node" "$@"; }

confine node dist/src/main.js config check >"$work/config.yaml"
bash "$here/confine.sh" "$work/app" "$work/data" "$node" node --max-semi-space-size=2 dist/src/main.js serve >"$work/log" 2>&1 &
server=$!
trap 'kill -KILL $server 2>/dev/null || true; tail -n 20 "$work/log"' EXIT

healthy=no
for _ in $(seq 50); do
  if confine node scripts/container/healthcheck.mjs 2>/dev/null; then healthy=yes; break; fi
  kill -0 $server 2>/dev/null || break
  sleep 0.2
done
if [ $healthy = no ]; then
  echo 'container: /health did not answer' >&2
  exit 1
fi
node -e '
  const body = JSON.stringify({ event_type: "start", app_id: "ci", user_id: "u1" });
  const url = `http://127.0.0.1:${process.env.PORT}/v1/events`;
  fetch(url, { method: "POST", body }).then(async (r) => {
    const text = await r.text();
    if (r.status !== 200) throw new Error(`${r.status} ${text}`);
  }).catch((error) => { console.error(`container: ${error.message}`); process.exit(1); });
'
kill -TERM $server
code=0
wait $server || code=$?
trap - EXIT
if [ "$code" != 0 ]; then
  tail -n 20 "$work/log"
  echo "container: exit code $code after SIGTERM" >&2
  exit 1
fi
if confine node scripts/container/healthcheck.mjs 2>/dev/null; then
  echo 'container: the health check is green without a server' >&2
  exit 1
fi
echo 'container: built, started read-only, healthy, took an event, drained, exited with 0'
