#!/usr/bin/env bash
# The Dockerfile without a container engine: the same scripts and the same copies, into <folder>/app.
#   bash scripts/container/assemble.sh <folder>
# test/config/container.test.ts holds this file and the Dockerfile to the same steps.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
folder=$1
# confine.sh may have left it unwritable.
chmod -R u+w "$folder" 2>/dev/null || true
rm -rf "$folder"
mkdir -p "$folder/build" "$folder/modules/scripts" "$folder/app/scripts/container"
cd "$repository"

# What .dockerignore lets through.
sed -n 's/^!//p' .dockerignore | while read -r path; do
  if [ -e "$path" ]; then cp -a "$path" "$folder/build/"; fi
done
(cd "$folder/build" && bash scripts/container/build.sh)

cp -a package.json package-lock.json .npmrc "$folder/modules/"
cp -a scripts/container "$folder/modules/scripts/"
(cd "$folder/modules" && bash scripts/container/install-runtime.sh)

cp -a package.json "$folder/app/"
cp -a scripts/container/healthcheck.mjs "$folder/app/scripts/container/"
mv "$folder/modules/node_modules" "$folder/app/"
mv "$folder/build/config" "$folder/build/dist" "$folder/app/"
rm -rf "$folder/build" "$folder/modules"
