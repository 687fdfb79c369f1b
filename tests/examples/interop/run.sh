#!/usr/bin/env bash
# usage: tests/examples/interop/run.sh
# Reports to a real OpenTelemetry Collector, made of its Go modules; what it has understood is compared with the reports.
set -euo pipefail
cd "$(dirname "$0")/../../.."
build=$PWD/build/interop

if ! command -v go >/dev/null; then
  echo "SKIPPED: no Go"
  exit 77
fi
tools/need.sh g++ pkg-config nlohmann-json3-dev libcpp-httplib-dev python3 curl
mkdir -p "$build"

# Its binaries are kept: they are made again when the module changes.
sum=$(cat tests/examples/interop/go.* tests/examples/interop/*/main.go | sha256sum)
if [[ ! -x $build/collector || ! -x $build/strict || $(cat "$build/sum" 2>/dev/null) != "$sum" ]]; then
  echo "building the collector; the first time this takes some minutes"
  (cd tests/examples/interop && nice go build -p 2 -trimpath -ldflags '-s -w' -o "$build/" ./collector ./strict)
  echo "$sum" >"$build/sum"
fi
read -ra flags < <(pkg-config --cflags --libs cpp-httplib)
compiler=(g++)
command -v ccache >/dev/null && compiler=(ccache g++)
"${compiler[@]}" -std=c++17 -Iinclude -c tests/examples/interop/program.cpp -o "$build/program.o"
g++ "$build/program.o" -o "$build/program" "${flags[@]}" -pthread

work=$(mktemp -d)
collector=
end() {
  [[ -z $collector ]] || kill "$collector" 2>/dev/null || true
  [[ -z $collector ]] || wait "$collector" 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PORT UNDERSTOOD=$work/understood.json
"$build/collector" --config "file:$PWD/tests/examples/interop/collector.yaml" >"$work/collector.log" 2>&1 &
collector=$!
if ! grep -q -m 1 'Everything is ready' <(tail -n +1 -f --pid="$collector" "$work/collector.log"); then
  cat "$work/collector.log"
  exit 1
fi

# Without a path, as a collector's address is mostly given.
program=(env -i "PATH=/usr/bin:/bin" "HOME=$work/home" "$build/program" "http://127.0.0.1:$PORT")
mkdir "$work/home"
"${program[@]}" ok --threads=8 "$work/home"
"${program[@]}" fail && exit 1 || (($? == 3))
"${program[@]}" throw && exit 1 || (($? == 70))
"${program[@]}" nothing
"${program[@]}" usage-stats show --wire 4 --json >"$work/wire.json"
python3 -c 'import json, sys
json.dump([json.loads(r["body"]) for r in json.load(sys.stdin)["requests"]], sys.stdout)' <"$work/wire.json" |
  "$build/strict"
python3 tests/examples/interop/compare.py "$UNDERSTOOD" "$work/home/.local/state/interop/usage"
