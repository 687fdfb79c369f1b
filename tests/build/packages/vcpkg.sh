#!/usr/bin/env bash
# The vcpkg port. The tool is not to be had from a package registry, so vcpkg.cmake stands in for its functions.
source "$(dirname "$0")/common.sh"
tools/need.sh g++ cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev ccache python3
number=$(version)
python3 - "$number" <<'PYTHON'
import json
import sys

manifest = json.load(open("packaging/vcpkg/vcpkg.json", encoding="utf-8"))
assert manifest["version"] == sys.argv[1], f"vcpkg.json is of {manifest['version']}"
assert set(manifest["features"]) == {"httplib", "compiled", "tls"}
assert set(manifest["default-features"]) <= set(manifest["features"])
PYTHON

# port NAME FEATURE...: installs the port with these features.
port() {
  local name=$1
  shift
  cmake -DSOURCES="$root" -DPORT_FOLDER="$root/packaging/vcpkg" -DFEATURES="$(IFS=';' && echo "$*")" \
    -DCURRENT_PACKAGES_DIR="$work/$name" -DBUILD_FOLDER="$work/build_$name" -P tests/build/packages/vcpkg.cmake
  cmp "$work/$name/share/usage-stats/usage" packaging/vcpkg/usage
  cmp "$work/$name/share/usage-stats/copyright" LICENSE
  test -f "$work/$name/include/usage_stats/getopt.hpp"
}
consumer() {
  cmake -S tests/build/consumer -B "$work/consumer_$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g0 \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_PREFIX_PATH="$work/$1" -DWANTED_VERSION="$number" "${@:2}"
}

echo "-- all features"
port all httplib compiled tls
consumer all -DWANTED_COMPONENTS=compiled >/dev/null
cmake --build "$work/consumer_all" --target consumer_compiled
alone "$work/consumer_all/consumer_compiled"
for wrong in 0.0.5 99.0; do
  rm -rf "$work/consumer_all"
  refused "requested version \"$wrong\"" consumer all -DWANTED_VERSION="$wrong"
done

echo "-- headers alone"
port headers
test -z "$(find "$work/headers" -name '*.a')" || fail "a header-only port has a library"
refused "has no component compiled here" consumer headers -DWANTED_COMPONENTS=compiled
grep -q USAGE_STATS_NO_HTTPLIB "$work/headers/share/usage_stats/usage_statsTargets.cmake"
echo "tests/build/packages/vcpkg.sh: all of it works"
