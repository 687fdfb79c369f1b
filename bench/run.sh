#!/usr/bin/env bash
# usage: bench/run.sh [ROUNDS]
# Builds the benchmark (optimised), runs it, measures what the include costs a compiler, and counts (bench/counts.py).
# Figures are ratios within one run; absolute times mean something on a quiet machine only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rounds=${1:-200}
build=${BUILD_DIR:-build/bench}
tools/need.sh g++ cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev curl python3 strace valgrind
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DUSAGE_STATS_BUILD_TESTS=OFF \
  -DUSAGE_STATS_BUILD_EXAMPLES=OFF -DUSAGE_STATS_BUILD_BENCH=ON >/dev/null
ninja -C "$build" -j2 bench bench_plain bench_lower_bound bench_linkless bench_compiled bench_encode bench_recording >/dev/null
"$build/bench/bench" "$rounds" "$build/bench/bench_plain" "$build/bench/bench_lower_bound" \
  "$build/bench/bench_linkless" "$build/bench/bench_compiled"
echo
"$build/bench/bench_encode"
echo
"$build/bench/bench_recording"
echo
python3 bench/compile_time.py
echo
python3 bench/counts.py
