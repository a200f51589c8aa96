#!/usr/bin/env bash
# Build stage of the Dockerfile: every package of the lockfile, then dist/. Runs in the folder of package.json.
set -euo pipefail
npm ci --no-audit --no-fund --loglevel=error
node scripts/build.mjs
