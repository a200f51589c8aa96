#!/usr/bin/env bash
# The differential fuzzers over the native scanner built with AddressSanitizer and UndefinedBehaviorSanitizer.
#   bash scripts/native-sanitize.sh [cases] [seed]
# The addon runs inside of Node, whose own memory is left alone: the sanitizer is loaded before it, and leaks of Node
# itself are not looked for. Needs a compiler with its sanitizers; leaves the ordinary build as it was.
set -euo pipefail
cd "$(dirname "$0")/.."
cases=${1:-60000} seed=${2:-1}
compiler=${CXX:-c++}
node scripts/prepare.mjs
node node_modules/typescript/bin/tsc -p tsconfig.fuzz.json
mkdir -p build/sanitize
target=build/sanitize/scanner.node
# Loads that need no alignment go through memcpy, so that alignment is checked like everything else.
flags=(-O1 -g -std=c++17 -fPIC -fno-exceptions -fno-rtti -fno-omit-frame-pointer -fsanitize=address,undefined
  -fno-sanitize-recover=all -isystem node_modules/node-api-headers/include -isystem node_modules/@nozbe/simdjson/src)
"$compiler" "${flags[@]}" -shared native/addon.cpp native/kernels.cpp -o "$target"

# The fuzzer takes the addon from dist; the ordinary one goes back when this ends, however it ends.
trap 'cp -f build/native/scanner.node dist/native/scanner.node' EXIT
rm -f dist/native/scanner.node
cp "$target" dist/native/scanner.node
preload="$("$compiler" -print-file-name=libasan.so) $("$compiler" -print-file-name=libubsan.so)"
for kernel in '' haswell fallback; do
  echo "sanitize: kernel ${kernel:-of this machine}"
  for fuzzer in scan dialect; do
    LD_PRELOAD="$preload" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
      ${kernel:+env SIMDJSON_FORCE_IMPLEMENTATION=$kernel} \
      node "dist/test/fuzz/$fuzzer-differential.js" --cases "$cases" --seed "$seed"
  done
done
