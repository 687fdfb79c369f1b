#!/usr/bin/env bash
# Installs what is missing, builds the tests (preset "tests" of CMakePresets.json) and runs them.
#   BUILD_DIR=build/tests       where to build
#   tests/run.sh ARGUMENT...    arguments for cmake: -DUSAGE_STATS_TEST_MODE=header
#   CTEST_ARGUMENTS="-R one"    more arguments for ctest
set -euo pipefail
cd "$(dirname "$0")/.."

tools/need.sh g++ cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev libsqlite3-dev doctest-dev \
  openssl util-linux python3 python3-jsonschema curl strace locales libcli11-dev libcxxopts-dev \
  libboost-program-options-dev libgflags-dev

build=${BUILD_DIR:-build/tests}
arguments=()
if command -v ccache >/dev/null; then
  arguments+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
preset=(--preset tests)
# Ubuntu 22.04 has CMake 3.22, which cannot read presets of this version: it gets their variables one by one.
if ! cmake --list-presets >/dev/null 2>&1; then
  variables=$(python3 -c 'import json
for preset in json.load(open("CMakePresets.json"))["configurePresets"]:
    if preset["name"] == "base":
        print(*(f"-D{name}={value}" for name, value in preset["cacheVariables"].items()))')
  read -ra preset <<<"-S . -G Ninja $variables"
fi
cmake "${preset[@]}" -B "$build" "${arguments[@]}" "$@"
cmake --build "$build" --parallel 2

results=$PWD/$build/results.xml
[[ $build == /* ]] && results=$build/results.xml
code=0
# More jobs than a machine of two cores has: many tests wait more than they work, two of them for a minute.
# shellcheck disable=SC2086
ctest --test-dir "$build" --parallel 4 --output-on-failure --no-tests=error --output-junit "$results" \
  --test-output-size-passed 1000000 --test-output-size-failed 1000000 ${CTEST_ARGUMENTS:-} || code=$?

# ctest counts files; this sums up the test cases that doctest reports. A file that ended without a report has failed.
python3 - "$results" "$code" <<'PYTHON'
import re
import sys
import xml.etree.ElementTree

passed = failed = 0
skipped = set()
for test in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
    good = test.get("status") == "run"
    text = test.findtext("system-out") or ""
    skipped.update(f"{test.get('name')}: {why}" for why in re.findall(r"MESSAGE: (skipped: .*)", text))
    said = re.search(r"test cases:.*?(\d+) passed.*?(\d+) failed", text)
    if said:
        passed += int(said.group(1))
        failed += max(int(said.group(2)), 0 if good else 1)
    elif not good:
        failed += 1
    elif test.get("name") == "reports_are_valid":
        passed += 1
for line in sorted(skipped):
    print(line)
print(f"{passed} passed, {failed} failed")
sys.exit(0 if passed and not failed and sys.argv[2] == "0" else 1)
PYTHON
