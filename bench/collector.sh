#!/usr/bin/env bash
# usage: bench/collector.sh [RUNS]
# Builds the collector (optimised) and measures it: what it acknowledges a second, its memory and disk, how long pages and
# their figures take with RUNS (1,000,000) in it, a deletion, and how long a report waits while the night's work is done.
# Rates mean something on a quiet machine only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runs=${1:-1000000}
build=${BUILD_DIR:-build/bench}
tools/need.sh g++ cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev libsqlite3-dev
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DUSAGE_STATS_BUILD_TESTS=OFF \
  -DUSAGE_STATS_BUILD_EXAMPLES=OFF -DUSAGE_STATS_BUILD_BENCH=ON -DUSAGE_STATS_BUILD_COLLECTOR=ON >/dev/null
ninja -C "$build" -j2 usage-stats-collector bench_collector >/dev/null
collector=$build/collector/usage-stats-collector
bench=$build/bench/bench_collector
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

start() {  # start DATABASE
  "$collector" serve --database "$1" --port 0 --pages-port 0 >"$work/log" &
  server=$!
  until grep -q '^pages are at' "$work/log"; do sleep 0.1; done
  port=$(sed -n 's|^reports are received at http://127.0.0.1:\([0-9]*\)/.*|\1|p' "$work/log")
  pages_port=$(sed -n 's|^pages are at http://127.0.0.1:\([0-9]*\)/.*|\1|p' "$work/log")
}
stop() {
  grep -E 'VmHWM' "/proc/$server/status" | sed 's/VmHWM:/memory at most:/'
  kill "$server"
  wait "$server"
  server=
}

start "$work/load.db"
"$bench" load "$port" 100000 64
stop

"$bench" reports "$runs" >"$work/reports.jsonl"
SECONDS=0
"$collector" import "$work/reports.jsonl" --database "$work/usage.db"
echo "imported in $SECONDS s"
size=$(stat -c %s "$work/usage.db")
echo "disk: $((size / runs)) bytes a run"
for app in transfer_tool pipeline; do "$bench" figures "$work/usage.db" "$app"; done
client=$(head -1 "$work/reports.jsonl" | sed 's/.*"client_id":"\([0-9a-f]*\)".*/\1/')
start "$work/usage.db"
targets=(/)
for app in transfer_tool pipeline; do
  for tab in "" endings durations own; do
    targets+=("/app/$app/$tab" "/app/$app/$tab?os=linux")
  done
done
"$bench" pages "$pages_port" "${targets[@]}"
echo "a deletion: $(curl -s -o /dev/null -w '%{time_total}' -X DELETE "http://127.0.0.1:$port/v1/usage?client_id=$client") s"
stop
"$bench" night "$work/usage.db"
