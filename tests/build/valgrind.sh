#!/usr/bin/env bash
# usage: tests/build/valgrind.sh BUILD_FOLDER
# Real programs of the tests, and those test files that only compute, under valgrind: wrong accesses, values that were
# never set, memory that nothing points to any more. The build is that of tests/run.sh; valgrind names functions, and
# with -DCMAKE_CXX_FLAGS_DEBUG=-g1 lines too.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:?usage: tests/build/valgrind.sh BUILD_FOLDER}" && pwd)/tests
programs=$build/programs
jobs=${JOBS:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
watch=(valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite
       --track-origins=no --child-silent-after-fork=yes --exit-on-first-error=no)
nowhere=http://127.0.0.1:9/  # refuses

# A home of its own for each run: nothing of the machine's is read.
environment() {
  local home=$work/home.$1
  mkdir -p "$home"
  echo "PATH=/usr/bin:/bin HOME=$home TMPDIR=$home XDG_STATE_HOME=$home/state XDG_CONFIG_HOME=$home/config"
}

# same NAME HOME PROGRAM OTHER ARGUMENT...: what it ends with is what OTHER ends with, without valgrind.
same() {
  local name=$1 home=$2 program=$3 other=$4 variables expected=0 code=0
  shift 4
  # shellcheck disable=SC2086
  read -ra variables <<<"$(environment "$home") ${extra:-}"
  (cd "$work/home.$home" && env -i "${variables[@]}" timeout 60 "$other" "$@" >/dev/null 2>&1 </dev/null) ||
    expected=$?
  [[ -z ${wanted:-} ]] || expected=$wanted
  (cd "$work/home.$home" &&
    env -i "${variables[@]}" timeout 120 "${watch[@]}" --log-file="$work/$name.log" "$program" "$@" >"$work/$name.out" 2>&1 \
      </dev/null) || code=$?
  if ((code == expected)) && [[ ! -s $work/$name.log ]]; then return 0; fi
  echo "FAILED: $name: $(basename "$program") $* ended with $code, expected was $expected"
  cat "$work/$name.log" "$work/$name.out"
  touch "$work/failed"
}

count=0
# run ARGUMENT...: like same, in the background, as soon as there is room.
run() {
  while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
  count=$((count + 1))
  same "$count" "$count" "$@" &
}

reporter=$programs/reporter
on=(--unattended on --url "$nowhere" --field --print done)
one() {
  run "$reporter" "$programs/reporter_disabled" "$@"
}

# ---- every main way of use
one "${on[@]}" --exit 3
one "${on[@]}" --delivery wait --wait-limit 5000
for protocol in json otlp amplitude; do
  one "${on[@]}" --protocol "$protocol" --api-key k --delivery in_process --wait-limit 5000 --events 20
done
extra="DO_NOT_TRACK=1" one "${on[@]}" --exit 3
one --unattended off --exit 3
one --unattended local --field --std-exit 4
one --consent opt_in --field
one --url http://not-loopback.example/ --field
one "${on[@]}" --client-id monthly --hash-client-id yes --argument-detail values --as --threads=8 a.txt --token=x
one "${on[@]}" --events 1200 --threads 4
one "${on[@]}" --report-every 20 --threads 4 --events 100
one "${on[@]}" --throw "cannot open '/etc/passwd'"
one "${on[@]}" --throw-nested
one "${on[@]}" --throw-int
one "${on[@]}" --fork --sessions 3
one "${on[@]}" --quick-exit 9
one "${on[@]}" --_exit 9
one "${on[@]}" --uncaught --throw gone
for how in return exit quick-exit abort uncaught uncaught-int uncaught-while-unwinding noexcept own-terminate-handler \
  vanish fork-child-exits fork-child-is-killed fork-child-throws fork-child-returns fork-child-has-a-session \
  two-sessions session-in-a-thread signal-after-the-end handler-before handler-after handler-exits handler-chains \
  ignored signal-in-thread static through-the-session exit-in-thread uncaught-in-thread 1 2 3 13 15; do
  extra="ENDS_USAGE_STATS_ENABLED=1" run "$programs/ends" "$programs/ends_disabled" "$how" "$nowhere"
done
wait

# ---- a folder in use: the user's commands, then the uploader
# shellcheck disable=SC2046
env -i $(environment used) "$reporter" "${on[@]}" --delivery wait --wait-limit 1
for words in status show "show --wire" preview describe enable disable reset send delete; do
  count=$((count + 1))
  # shellcheck disable=SC2086
  wanted= same "$count" used "$reporter" "$reporter" "${on[@]}" --as usage-stats $words
done
# shellcheck disable=SC2046
env -i $(environment used) REPORTER_USAGE_STATS_ENABLED=1 "$reporter" "${on[@]}"
count=$((count + 1))
wanted=0 extra="USAGE_STATS_UPLOADER=$work/home.used/state/reporter/usage" \
  same "$count" used "$reporter" /bin/true "${on[@]}"

# ---- test files that start nothing
files=(sha256 urls redaction_arguments report_limits exporter_otlp exporter_amplitude fields)
for file in "${files[@]}"; do
  while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
  {
    if ! timeout 300 "${watch[@]}" --log-file="$work/$file.log" "$build/usage_stats_tests" \
      --source-file="*/tests/*/$file.cpp" >"$work/$file.out" 2>&1 || [[ -s $work/$file.log ]]; then
      echo "FAILED: tests/$file.cpp"
      tail -n 40 "$work/$file.log" "$work/$file.out"
      touch "$work/failed"
    fi
  } &
done
wait
echo "$count programs and ${#files[@]} test files under valgrind. Not: ends' null-pointer and stack-overflow, which are" \
  "errors on purpose; exec, daemon and descriptors-closed, where another program or none would be looked at; utf8," \
  "which takes over five minutes there; the other test files, whose work is done by such programs."
[[ ! -e $work/failed ]]
