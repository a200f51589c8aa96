#!/usr/bin/env bash
# The native scanner and the encoders of record batches and blocks, built with AddressSanitizer and UndefinedBehaviorSanitizer, inside of Node:
#   bash scripts/native-sanitize.sh [cases] [seed]       the differential fuzzers, for each instruction set
#   bash scripts/native-sanitize.sh suite [vitest …]     the tests, all of them or those named
# Node's own memory is left alone: the sanitizer is loaded before it, and leaks of Node itself are not looked for. Needs
# a compiler with its sanitizers; leaves the ordinary build as it was. Without Node, and with leaks: native-fuzz.sh.
#
# Of the suite, tests that hold a time may fail, since a scanner so built is several times slower: what counts are reports,
# and processes that died. Some files load chDB into the test's own process, where it does not start under another allocator; they are left
# out, and say nothing about the scanner.
set -euo pipefail
cd "$(dirname "$0")/.."
compiler=${CXX:-c++}
node scripts/prepare.mjs
node node_modules/typescript/bin/tsc -p tsconfig.fuzz.json
mkdir -p build/sanitize
target=build/sanitize/scanner.node
# Loads that need no alignment go through memcpy, so that alignment is checked like everything else.
flags=(-O1 -g -std=c++17 -fPIC -fno-exceptions -fno-rtti -fno-omit-frame-pointer -fsanitize=address,undefined
  -fno-sanitize-recover=all -isystem node_modules/node-api-headers/include -isystem node_modules/@nozbe/simdjson/src)
"$compiler" "${flags[@]}" -shared native/addon.cpp native/kernels.cpp -o "$target"

# Node takes the addon from dist; the ordinary one goes back when this ends, however it ends.
trap 'rm -f dist/native/scanner.node; cp build/native/scanner.node dist/native/scanner.node' EXIT
rm -f dist/native/scanner.node
cp "$target" dist/native/scanner.node
preload="$("$compiler" -print-file-name=libasan.so) $("$compiler" -print-file-name=libubsan.so)"

# Faults end the process they are found in, and stand in a file too: a test may not show what a child of it says.
rm -f build/sanitize/fault.*
sanitized() { # <command …>
  LD_PRELOAD="$preload" ASAN_OPTIONS="detect_leaks=0:log_path=$PWD/build/sanitize/fault" \
    UBSAN_OPTIONS="print_stacktrace=1:log_path=$PWD/build/sanitize/fault" \
    NODE_OPTIONS="--require $PWD/scripts/native-sanitize-preload.cjs" "$@"
}
report_faults() {
  local file found=0
  for file in build/sanitize/fault.*; do
    [ -e "$file" ] || continue
    found=1
    head -n 40 "$file"
  done
  if [ "$found" = 0 ]; then echo 'sanitize: no fault found'; fi
  return "$found"
}

if [ "${1:-}" = suite ]; then
  shift
  code=0
  sanitized node node_modules/vitest/vitest.mjs run --exclude test/sinks/embedded/faults.test.ts \
    --exclude test/sinks/embedded/query-door.test.ts --exclude 'test/sinks/native-block*.test.ts' "$@" || code=$?
  report_faults || exit 1
  # A process that ended without a report was no test that held a time: it counts as a fault until it is looked at.
  if [ "$code" != 0 ]; then echo "sanitize: the tests ended with $code; a test process that died is a fault, reported or not"; fi
  exit "$code"
fi
cases=${1:-60000} seed=${2:-1}
for kernel in '' haswell fallback; do
  echo "sanitize: kernel ${kernel:-of this machine}"
  for fuzzer in scan dialect batch; do
    sanitized ${kernel:+env SIMDJSON_FORCE_IMPLEMENTATION=$kernel} \
      node "dist/test/fuzz/$fuzzer-differential.js" --cases "$cases" --seed "$seed" || { report_faults; exit 1; }
  done
done
echo 'sanitize: blocks'
sanitized node dist/test/fuzz/native-blocks.js --cases "$cases" --seed "$seed" || { report_faults; exit 1; }
report_faults
