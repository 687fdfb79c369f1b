#!/usr/bin/env bash
# usage: tests/fuzz/run.sh [SECONDS] [NAME...]
# Builds the fuzz targets (all, or those named) and runs each for so many seconds, two at a time. Fails if one of them
# finds something; its input then lies in build/fuzz/found, and `build/fuzz/NAME INPUT` shows it again.
#   FUZZ_RUNS=10000000      ends a target after so many executions, too
#   FUZZ_JOBS=1             how many at a time
#   FUZZ_CORPUS=FOLDER      keeps what is found interesting, to go on from there
#   FUZZ_FAST=1             without sanitizers and for short inputs: many times the executions, of invariants alone
#   FUZZ_LENGTH=256         with it, the longest input
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift || true
names=("$@")
if ((${#names[@]} == 0)); then
  for file in tests/fuzz/*.cpp; do names+=("$(basename "$file" .cpp)"); done
fi
jobs=${FUZZ_JOBS:-2}
tools/need.sh clang nlohmann-json3-dev
tools/need.sh "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev"

build=$PWD/build/fuzz
flags=(-std=c++17 -g1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -DUSAGE_STATS_COMPILED -DUSAGE_STATS_WITH_DETAIL
       -DUSAGE_STATS_NO_HTTPLIB -Iinclude)
if [[ -z ${FUZZ_FAST:-} ]]; then
  flags+=(-O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  link=(-fsanitize=fuzzer,address,undefined)
  common=(-max_len=4096 -timeout=20)
else
  build+=/fast
  flags+=(-O2 -DNDEBUG -fsanitize-coverage=inline-8bit-counters,pc-table)  # comparisons cost most, and are not traced
  link=(-fsanitize=fuzzer)
  common=(-max_len="${FUZZ_LENGTH:-256}" -entropic=0 -reload=0 -timeout=3600)  # it may be held up to let others work
fi
mkdir -p "$build/found"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiler=(clang++)
command -v ccache >/dev/null && compiler=(ccache clang++)

# object NAME SOURCE: the library and each target once; what fuzzes is linked in at the end.
object() {
  "${compiler[@]}" "${flags[@]}" -c "$2" -o "$build/$1.o"
}

# background COMMAND...: as soon as there is room.
background() {
  while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
  { "$@" || touch "$work/failed"; } &
}

object library src/usage_stats.cpp
for name in "${names[@]}"; do background object "$name" "tests/fuzz/$name.cpp"; done
wait
[[ ! -e $work/failed ]] || exit 1
for name in "${names[@]}"; do
  clang++ "${link[@]}" "$build/$name.o" "$build/library.o" -o "$build/$name"
done

# fuzz NAME: on a copy of its seeds; says in one line what came of it.
fuzz() {
  local name=$1 corpus=${FUZZ_CORPUS:-$work}/$1 log=$work/$1.log code=0 arguments
  mkdir -p "$corpus"
  cp "tests/fuzz/corpus/$name"/* "$corpus"
  arguments=("${common[@]}" -max_total_time="$seconds" -runs="${FUZZ_RUNS:--1}" -rss_limit_mb=2048
             -print_final_stats=1 -artifact_prefix="$build/found/$name-")
  [[ -f tests/fuzz/dictionaries/$name.dict ]] && arguments+=(-dict="tests/fuzz/dictionaries/$name.dict")
  nice -n 10 "$build/$name" "${arguments[@]}" "$corpus" >"$log" 2>&1 || code=$?
  printf '%-10s %10s executions, %6s s: %s\n' "$name" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)" \
    "$(sed -n 's/^Done [0-9]* runs in \([0-9]*\) second.*/\1/p' "$log" | tail -n 1)" \
    "$( ((code == 0)) && echo "nothing found" || echo "FOUND SOMETHING")"
  ((code == 0)) || grep -v -E '^#|^DEDUP|^INFO' "$log" | tail -n 60
  return $code
}

for name in "${names[@]}"; do background fuzz "$name"; done
wait
[[ ! -e $work/failed ]]
