#!/usr/bin/env bash
# Modules stage of the Dockerfile: what the program needs when it runs, from the lockfile. Runs in the folder of package.json.
set -euo pipefail
npm ci --omit=dev --no-audit --no-fund --loglevel=error
