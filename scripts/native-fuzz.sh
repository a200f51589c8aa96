#!/usr/bin/env bash
# libFuzzer over the C++ alone, without Node, under AddressSanitizer and UndefinedBehaviorSanitizer:
#   npm run fuzz:native -- [--seconds N | --total-seconds N] [--target NAME] [--install] [--coverage]
#
#   --seconds N        how long each target runs; 60 by default
#   --total-seconds N  how long they run together, in equal parts
#   --target NAME      one target instead of all: native/fuzz/target-NAME.cpp, with target-NAME.dict beside it if it has one
#   --install          takes clang from apt when it is missing and this is root
#   --coverage         instead of fuzzing, runs the kept inputs once under gcov (g++) and prints the lines reached, by file
#
# Inputs that reached something new stay in build/fuzz/corpus-NAME, so that a later run goes on from them. One that
# fails is made smaller and kept in build/fuzz; `node dist/test/fuzz/native-seeds.js show FILE` prints it as a file for
# test/regression/scan. Exit codes: 0 nothing found, 1 a failure, 3 no clang with libFuzzer here.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60 total='' only='' install=false coverage=false
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift ;;
    --total-seconds) total=$2; shift ;;
    --target) only=$2; shift ;;
    --install) install=true ;;
    --coverage) coverage=true ;;
    *) echo "native-fuzz: unknown option $1" >&2; exit 2 ;;
  esac
  shift
done
build=build/fuzz
mkdir -p "$build"
plain=(-std=c++17 -g -fno-exceptions -fno-rtti -Wall -Wextra -isystem node_modules/@nozbe/simdjson/src -I "$build")
# Whatever a sanitizer finds ends the run; memory that a scanner keeps from slab to slab is no leak.
checked=(-O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all)

# Prints the first clang that links libFuzzer.
find_clang() {
  local name
  for name in "${CLANGXX:-}" clang++ clang++-2{1,0} clang++-1{9,8,7,6,5,4}; do
    [ -n "$name" ] && command -v "$name" >/dev/null || continue
    if echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
      "$name" -fsanitize=fuzzer,address,undefined -x c++ - -o "$build/probe" 2>"$build/probe.log"; then
      echo "$name"
      return
    fi
  done
  return 1
}

install_clang() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || return 1
  apt-get install -y -qq --no-install-recommends clang-19 libclang-rt-19-dev ||
    apt-get install -y -qq --no-install-recommends clang libclang-rt-dev
}

# An object of a source that no target shares state with, compiled again when it or what it is made with is newer.
compile_once() { # <compiler> <source> <object> <flags…>
  local compiler=$1 source=$2 object=$3
  shift 3
  if [ "$object" -nt "$source" ] && [ "$object" -nt package-lock.json ] && [ "$object" -nt "$0" ]; then return; fi
  "$compiler" "${plain[@]}" "$@" -c "$source" -o "$object"
}

targets() {
  local source
  for source in native/fuzz/target-*.cpp; do
    source=${source#native/fuzz/target-}
    if [ -z "$only" ] || [ "$only" = "${source%.cpp}" ]; then echo "${source%.cpp}"; fi
  done
}

# The setup of a scanner, and first inputs for every target.
prepare_inputs() {
  node scripts/prepare.mjs
  node node_modules/typescript/bin/tsc -p tsconfig.fuzz.json
  node dist/test/fuzz/native-seeds.js setup "$build/setup-words.h"
  rm -rf "$build/seeds"
  node dist/test/fuzz/native-seeds.js corpus "$build/seeds"
}

# Folders of first inputs: bodies are for every target, lines for those of the encoders (native/fuzz/lines.h).
seeds_of() { # <target>
  echo "$build/seeds/bodies"
  if grep -q '"lines.h"' "native/fuzz/target-$1.cpp"; then echo "$build/seeds/lines"; fi
}

report_coverage() { # <target>
  local target=$1 folder=$build/gcov-$1 seeds
  rm -rf "$folder"
  mkdir -p "$folder" "$build/corpus-$target"
  compile_once g++ native/kernels.cpp "$build/kernels-plain.o" -O1
  compile_once g++ native/fuzz/json-witness.cpp "$build/witness-plain.o" -O1
  g++ "${plain[@]}" -O0 -fno-inline --coverage "native/fuzz/target-$target.cpp" -c -o "$folder/target.o"
  g++ -std=c++17 -O1 native/fuzz/replay.cpp -c -o "$folder/replay.o"
  g++ --coverage "$folder"/*.o "$build/kernels-plain.o" "$build/witness-plain.o" -o "$folder/replay"
  mapfile -t seeds < <(seeds_of "$target")
  "$folder/replay" "$build/corpus-$target" "${seeds[@]}"
  gcov -n -r -o "$folder" "$folder/target.gcda" | sed 's#native/fuzz/\.\./#native/#' |
    awk '/^File .native\// { file = $2; gsub(/\x27/, "", file) }
         /^Lines executed/ && file != "" {
           split($2, part, /[:%]/)
           if (file !~ /^native\/fuzz/) { printf "%7.2f %% of %4d lines  %s\n", part[2], $4, file; reached += part[2] * $4; lines += $4 }
           file = ""
         }
         END { printf "%7.2f %% of %4d lines\n", reached / lines, lines }'
}

fuzz_target() { # <clang> <target>
  local clang=$1 target=$2 corpus=$build/corpus-$2 dictionary=native/fuzz/target-$2.dict seeds
  mkdir -p "$corpus"
  # simdjson is checked by its own project; without the fuzzer's counters it runs at a useful speed.
  compile_once "$clang" native/kernels.cpp "$build/kernels.o" "${checked[@]}"
  compile_once "$clang" native/fuzz/json-witness.cpp "$build/witness.o" "${checked[@]}"
  "$clang" "${plain[@]}" "${checked[@]}" -fsanitize=fuzzer "native/fuzz/target-$target.cpp" \
    "$build/kernels.o" "$build/witness.o" -o "$build/fuzz-$target"
  local options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1
    -artifact_prefix="$build/$target-")
  if [ -f "$dictionary" ]; then options+=(-dict="$dictionary"); fi
  mapfile -t seeds < <(seeds_of "$target")
  echo "native-fuzz: $target for $seconds s by $("$clang" --version | head -n 1)"
  if ! ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    "$build/fuzz-$target" "${options[@]}" "$corpus" "${seeds[@]}" >"$build/$target.log" 2>&1; then
    tail -n 60 "$build/$target.log"
    shrink_failure "$target"
    return 1
  fi
  # The last line of progress carries the counters of coverage: `cov` edges, `ft` features.
  grep -E '^#[0-9]+.*(DONE|pulse|NEW|REDUCE)' "$build/$target.log" | tail -n 1
  grep -E '^(Seed|INFO: Seed|stat::)' "$build/$target.log"
}

shrink_failure() { # <target>
  local found smaller=$build/$1-smallest
  found=$(ls -t "$build/$1"-{crash,leak,timeout,oom}-* 2>/dev/null | head -n 1) || true
  if [ -z "$found" ]; then return; fi
  cp "$found" "$smaller"
  "$build/fuzz-$1" -minimize_crash=1 -max_total_time=30 -exact_artifact_path="$smaller" "$found" >/dev/null 2>&1 || true
  echo "native-fuzz: kept in $found and, smaller, in $smaller"
  node dist/test/fuzz/native-seeds.js show "$smaller"
}

if [ "$coverage" = true ]; then
  prepare_inputs
  for target in $(targets); do report_coverage "$target"; done
  exit 0
fi
clang=$(find_clang) || { [ "$install" = true ] && install_clang >"$build/apt.log" 2>&1 && clang=$(find_clang); } || {
  echo 'native-fuzz: no clang with libFuzzer here; apt-get install clang-19 libclang-rt-19-dev' >&2
  exit 3
}
prepare_inputs
if [ -n "$total" ]; then
  seconds=$((total / $(targets | wc -l)))
fi
code=0
for target in $(targets); do fuzz_target "$clang" "$target" || code=1; done
exit $code
