#!/usr/bin/env bash
# Shows usage_stats end to end on Debian 12: a small tool succeeds, fails, throws and is opted out; a collector on this
# machine receives its reports. Works in a temporary folder and leaves nothing but installed packages.
#
#   ./examples/demo.sh [--keep]      --keep leaves the folder there and the collector's page up, to look around in
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

keep=${1:-}
[[ $keep == "" || $keep == --keep ]] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
failures=0
verdict=
collector_pid=
work=$(mktemp -d)
home=$work/home
database=$work/usage.db
reports=$work/received.jsonl

title() { printf '\n== %s\n' "$*"; }
check() {  # check WHAT COMMAND...: one line that says whether the command succeeds
  local what=$1
  shift
  if "$@"; then echo "   ok    $what"; else echo "   FAIL  $what"; failures=$((failures + 1)); fi
}
wait_for() {  # wait_for SECONDS COMMAND...: polls until the command succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}
tool_processes() {  # the ids of all processes of our quickstart, uploaders included
  local process
  for process in /proc/[0-9]*; do
    if [[ $(readlink "$process/exe") == "$work"/quickstart ]]; then echo "${process#/proc/}"; fi
  done 2>/dev/null
}
no_tool_processes() { [[ -z $(tool_processes) ]]; }
received() {
  "$work/usage-stats-collector" export --database "$database" >"$reports"
  [[ $(wc -l <"$reports") -eq $1 ]]
}
received_one() { [[ $(grep -cF "$1" "$reports") -eq 1 ]]; }

cleanup() {
  local process
  for process in $collector_pid $(tool_processes); do kill "$process" 2>/dev/null || true; done
  if [[ $keep == --keep ]]; then echo "kept: $work"; else rm -rf "$work"; fi
  if [[ $verdict ]]; then echo "$verdict"; else echo "NOT ALL OF IT HAPPENED: the demo ended early"; fi
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

install_packages() {
  local package missing=() as_root=()
  for package in g++ pkg-config nlohmann-json3-dev libcpp-httplib-dev libsqlite3-dev; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  title "Installing ${missing[*]}"
  [[ $(id -u) -eq 0 ]] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

build() {
  title "Building with plain g++: the tool header-only, and the collector"
  local flags
  read -r -a flags <<<"$(pkg-config --cflags --libs cpp-httplib)"
  mkdir "$work/objects"
  (
    set -x
    g++ -std=c++17 -O1 -DNDEBUG -Iinclude examples/quickstart.cpp -o "$work/quickstart" "${flags[@]}" -pthread
    # shellcheck disable=SC2016
    printf '%s\0' collector/main.cpp collector/*/*.cpp | xargs -0 -P "$(nproc)" -n 1 sh -c \
      'g++ -std=c++17 -O1 -DNDEBUG $1 -c "$2" -o "$0/$(echo "$2" | tr / _).o"' "$work/objects" "${flags[*]}"
    g++ "$work"/objects/*.o -o "$work/usage-stats-collector" "${flags[@]}" -lsqlite3 -pthread
  ) 2>&1 | sed "s|$work/|/tmp/.../|g"
}

start_collector() {
  title "Starting the collector on free ports of this machine"
  "$work/usage-stats-collector" serve --database "$database" --port 0 --pages-port 0 --verbose >"$work/collector.log" 2>&1 &
  collector_pid=$!
  wait_for 10 grep -q '^pages are at ' "$work/collector.log" || { cat "$work/collector.log"; return 1; }
  url=$(sed -n 's/^reports are received at //p' "$work/collector.log")
  pages=$(sed -n 's/^pages are at //p' "$work/collector.log")
  sed 's/^/   /' "$work/collector.log"
}

# As in a fresh account: nothing in your own environment or folders is used or changed. There is no user at a terminal
# to see a notice, so the variable ..._ENABLED gives consent.
tool() {
  env -i PATH="$PATH" HOME="$home" XDG_STATE_HOME="$home/.local/state" XDG_CONFIG_HOME="$home/.config" \
    QUICKSTART_USAGE_STATS_ENABLED=1 QUICKSTART_USAGE_STATS_ENDPOINT="$url" "${variables[@]}" "$work/quickstart" "$@"
}
run() {  # run EXPECTED_EXIT_CODE ARGUMENT...
  local expected=$1 code=0
  shift
  echo "   \$ ${variables[*]:+${variables[*]} }quickstart $*"
  tool "$@" 2>&1 | sed 's/^/   /' || code=$?
  check "exit code $expected" test "$code" -eq "$expected"
}

run_tool() {
  mkdir -p "$home"
  cd "$home"
  yes 'so much depends upon a small tool' | head -n 200000 >poem.txt || true  # head ends early, yes by a signal
  printf '\0\1\2\n' >picture.md

  title "Opted out: nothing is written, nothing is sent"
  variables=(QUICKSTART_NO_TELEMETRY=1)
  run 0 lines poem.txt
  check "no file was made" test "$(ls -A)" == "$(printf 'picture.md\npoem.txt')"

  variables=()
  title "Ends well"
  run 0 words --min-length=4 poem.txt
  title "Fails"
  run 1 words no-such-file.csv
  title "Throws"
  run 2 words picture.md
}

show_reports() {
  title "What the collector got"
  check "three reports within 20 s" wait_for 20 received 3
  sed -n '/^stored/s/^/   /p' "$work/collector.log"
  check "one that ended well" received_one '"outcome":{"status":"ok","exit_code":0}'
  check "one that failed" received_one '"outcome":{"status":"failed","exit_code":1}'
  check "one that threw" received_one '"outcome":{"status":"exception","error":{"type":"std::runtime_error",'
  check "none of them names a file" no_names
  check "the senders are gone within 20 s" wait_for 20 no_tool_processes
  check "still three reports: none of the run that was opted out" received 3

  title "The local report of the run that threw: what you see is what is sent"
  local report
  report=$(grep -rl --include=usage_stats.json '"status": "exception"' "$home/.local/state")
  sed 's/^/   /' "$report"
  check "it is what the collector got" grep -qxF "$(tr -d ' \n' <"$report")" <(tr -d ' ' <"$reports")

  title "What became of it"
  check "delivered" grep -q '"delivered"' "$(dirname "$report")/delivery.json"
  sed 's/^/   /' "$(dirname "$report")/delivery.json"

  title "Where to look"
  (cd "$home" && find .local -type f | sort | sed 's|^|   ~/|')
}
no_names() { ! grep -qE "poem|picture|no-such-file" "$reports"; }

teach() {
  tool usage-stats describe --json |
    "$work/usage-stats-collector" describe add - --database "$database" | sed 's/^/   /'
}

show_status() {
  local status
  status=$(tool usage-stats status 2>/dev/null) || return 0
  title "quickstart usage-stats status"
  sed 's/^/   /' <<<"$status"
}

install_packages
build
start_collector
run_tool
show_reports
show_status
title "Teaching the collector what the tool's fields are"
check "described" teach

if [[ $keep == --keep ]]; then
  title "The collector's page is at $pages"
  echo "   Ctrl-C ends it"
  if ((failures == 0)); then verdict="All of it happened, and the page was up until now."; fi
  wait "$collector_pid"
fi
title "Stopping the collector, whose page was at $pages (--keep keeps it up)"
kill "$collector_pid"
check "it ends by itself" wait "$collector_pid"
collector_pid=

echo
if ((failures)); then
  verdict="NOT ALL OF IT HAPPENED: $failures checks failed (see FAIL above)"
  exit 1
fi
verdict="All of it happened: three runs were reported once each, the one that was opted out was not."
