#!/usr/bin/env bash
# The ways in which CMake projects take the library, and what they are told where it does not fit.
# usage: tests/build/packages/cmake.sh [OLDEST [NEWEST]]    further CMakes: the oldest also installs and builds, the newest
# configures
source "$(dirname "$0")/common.sh"
tools/need.sh g++ cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev ccache
# One standard throughout, so that ccache knows the library again.
fast=(-G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g0 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
      -DCMAKE_CXX_STANDARD=17 -DCMAKE_CXX_EXTENSIONS=OFF)
ours=("${fast[@]}" -DCMAKE_INSTALL_LIBDIR=lib -DUSAGE_STATS_BUILD_TESTS=OFF -DUSAGE_STATS_BUILD_EXAMPLES=OFF
      -DUSAGE_STATS_BUILD_BENCH=OFF -DUSAGE_STATS_BUILD_COLLECTOR=OFF)
prefix=$work/prefix

# consumer NAME ARGUMENT...: configures the other project.
consumer() {
  local name=$1
  shift
  rm -rf "${work:?}/$name"
  "${cmake:-cmake}" -S tests/build/consumer -B "$work/$name" "${fast[@]}" -DCMAKE_PREFIX_PATH="$prefix" "$@"
}

echo "-- an installed package: versions and components"
cmake -S . -B "$work/build" "${ours[@]}" -DCMAKE_INSTALL_PREFIX="$prefix" >/dev/null
cmake --build "$work/build"
cmake --install "$work/build" >/dev/null
number=$(version)
consumer accepted -DWANTED_VERSION="${number%.*}" -DWANTED_COMPONENTS="header;compiled" >/dev/null
for wrong in 0.0.5 99.0; do
  refused "requested version \"$wrong\"" consumer refused -DWANTED_VERSION="$wrong"
done
refused "has no component nonsense here" consumer refused -DWANTED_COMPONENTS=nonsense

echo "-- a library that is missing is told by the name of its package"
without_json=(-DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
without_httplib=(-DCMAKE_DISABLE_FIND_PACKAGE_httplib=ON -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON
                 -DCMAKE_IGNORE_PATH=/usr/include)
for folder in "" "$root"; do
  refused "Ubuntu: nlohmann-json3-dev" consumer refused "${without_json[@]}" ${folder:+"-DUSAGE_STATS_FOLDER=$folder"}
  also_said "Fedora: json-devel" "Homebrew: nlohmann-json" "Conan: nlohmann_json" "vcpkg: nlohmann-json"
  refused "Ubuntu: libcpp-httplib-dev" consumer refused "${without_httplib[@]}" ${folder:+"-DUSAGE_STATS_FOLDER=$folder"}
  also_said "Fedora: cpp-httplib-devel" "vcpkg: cpp-httplib"
done

echo "-- a project that has targets of its own for both"
consumer own -DUSAGE_STATS_FOLDER="$root" -DOWN_DEPENDENCIES=ON "${without_json[@]}" >/dev/null
cmake --build "$work/own" --target consumer_compiled
alone "$work/own/consumer_compiled"

echo "-- an httplib that has a CMake package and no pkg-config file: its flags stand in ours"
httplib_for_cmake "$work/httplib"
cmake -S . -B "$work/build_httplib" "${ours[@]}" -DCMAKE_INSTALL_PREFIX="$work/prefix_httplib" \
  -DCMAKE_PREFIX_PATH="$work/httplib" >/dev/null
cmake --build "$work/build_httplib"
cmake --install "$work/build_httplib" >/dev/null
export PKG_CONFIG_PATH=$work/prefix_httplib/lib/pkgconfig
read -ra flags < <(pkg-config --cflags --libs usage_stats_compiled)
echo "usage_stats_compiled: ${flags[*]}"
ccache g++ -std=c++17 -c tests/build/consumer/unity.cpp -o "$work/unity.o" "${flags[@]}"
g++ "$work/unity.o" -o "$work/unity" "${flags[@]}"
alone "$work/unity"
# A program of the headers alone takes half a minute to compile; what may be wrong are the flags for httplib.
read -ra flags < <(pkg-config --cflags --libs usage_stats)
echo "usage_stats: ${flags[*]}"
httplib_client "$work/client" "${flags[@]}"
unset PKG_CONFIG_PATH

echo "-- several configurations, a unity build, hidden symbols, link time optimisation, precompiled headers"
rm -rf "$work/odd"
cmake -S tests/build/consumer -B "$work/odd" -G "Ninja Multi-Config" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_UNITY_BUILD=ON -DCMAKE_CXX_VISIBILITY_PRESET=hidden -DCMAKE_VISIBILITY_INLINES_HIDDEN=ON \
  -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON -DPRECOMPILED=ON -DCMAKE_CXX_FLAGS_DEBUG=-g0 >/dev/null
cmake --build "$work/odd" --config Debug --target consumer_compiled
alone "$work/odd/Debug/consumer_compiled"

# Before 3.24 there are no file sets, and headers are installed in another way.
if (($# > 0)); then
  cmake=$1
  echo "-- $("$cmake" --version | head -1)"
  "$cmake" -S . -B "$work/build_oldest" "${ours[@]}" -DCMAKE_INSTALL_PREFIX="$work/prefix_oldest" >/dev/null
  "$cmake" --build "$work/build_oldest"
  "$cmake" --install "$work/build_oldest" >/dev/null
  diff -r -x cmake -x '*.a' -x pkgconfig "$prefix" "$work/prefix_oldest"
  consumer oldest -DWANTED_VERSION="$number" -DCMAKE_PREFIX_PATH="$work/prefix_oldest" >/dev/null
  "$cmake" --build "$work/oldest" --target consumer_compiled
  alone "$work/oldest/consumer_compiled"
fi
for cmake in "${@:2}"; do
  echo "-- $("$cmake" --version | head -1), configured"
  consumer other -DWANTED_VERSION="$number" -Werror=dev -Werror=deprecated >/dev/null
  consumer other -DUSAGE_STATS_FOLDER="$root" -Werror=dev -Werror=deprecated >/dev/null
done
echo "tests/build/packages/cmake.sh: all of it works"
