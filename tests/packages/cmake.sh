#!/usr/bin/env bash
# The ways in which CMake projects take the library, and what they are told where it does not fit.
# usage: tests/packages/cmake.sh [CMAKE...]    further CMakes, older or newer, to configure and build with
source "$(dirname "$0")/common.sh"
tools/need.sh g++ cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev ccache
fast=(-G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g0 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
ours=("${fast[@]}" -DCMAKE_INSTALL_LIBDIR=lib -DUSAGE_STATS_BUILD_TESTS=OFF -DUSAGE_STATS_BUILD_EXAMPLES=OFF
      -DUSAGE_STATS_BUILD_BENCH=OFF)
prefix=$work/prefix

# consumer NAME ARGUMENT...: configures the other project.
consumer() {
  local name=$1
  shift
  rm -rf "${work:?}/$name"
  "${cmake:-cmake}" -S tests/consumer -B "$work/$name" "${fast[@]}" -DCMAKE_PREFIX_PATH="$prefix" "$@"
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
for package in "Ubuntu: nlohmann-json3-dev" "Fedora: json-devel" "Homebrew: nlohmann-json" "Conan: nlohmann_json" \
  "vcpkg: nlohmann-json"; do
  refused "$package" consumer refused "${without_json[@]}"
  refused "$package" consumer refused "${without_json[@]}" -DUSAGE_STATS_FOLDER="$root"
done
for package in "Ubuntu: libcpp-httplib-dev" "Fedora: cpp-httplib-devel" "vcpkg: cpp-httplib"; do
  refused "$package" consumer refused "${without_httplib[@]}"
  refused "$package" consumer refused "${without_httplib[@]}" -DUSAGE_STATS_FOLDER="$root"
done

echo "-- a project that has targets of its own for both"
consumer own -DUSAGE_STATS_FOLDER="$root" -DOWN_DEPENDENCIES=ON "${without_json[@]}" >/dev/null
cmake --build "$work/own" --target consumer_compiled
alone "$work/own/consumer_compiled"

echo "-- an httplib that has a CMake package and no pkg-config file: its flags stand in ours"
mkdir -p "$work/httplib/lib/cmake/httplib"
read -ra flags < <(pkg-config --cflags cpp-httplib)
cat >"$work/httplib/lib/cmake/httplib/httplibConfig.cmake" <<TEXT
add_library(httplib::library SHARED IMPORTED)
set_target_properties(httplib::library PROPERTIES IMPORTED_LOCATION "$(ls /usr/lib/*/libcpp-httplib.so)")
add_library(httplib::httplib INTERFACE IMPORTED)
set_target_properties(httplib::httplib PROPERTIES
  INTERFACE_COMPILE_DEFINITIONS "\$<\$<BOOL:TRUE>:$(IFS=';' && echo "${flags[*]#-D}")>"
  INTERFACE_LINK_LIBRARIES "\$<\$<BOOL:TRUE>:httplib::library>;\$<\$<PLATFORM_ID:Windows>:ws2_32>;\$<LINK_ONLY:dl>")
TEXT
echo 'set(PACKAGE_VERSION 0.14.0)
set(PACKAGE_VERSION_COMPATIBLE TRUE)' >"$work/httplib/lib/cmake/httplib/httplibConfigVersion.cmake"
cmake -S . -B "$work/build_httplib" "${ours[@]}" -DCMAKE_INSTALL_PREFIX="$work/prefix_httplib" \
  -DCMAKE_PREFIX_PATH="$work/httplib" >/dev/null
cmake --build "$work/build_httplib"
cmake --install "$work/build_httplib" >/dev/null
export PKG_CONFIG_PATH=$work/prefix_httplib/lib/pkgconfig
for form in usage_stats usage_stats_compiled; do
  read -ra flags < <(pkg-config --cflags --libs "$form")
  echo "$form: ${flags[*]}"
  ccache g++ -std=c++17 -c tests/consumer/unity.cpp -o "$work/$form.o" "${flags[@]}"
  g++ "$work/$form.o" -o "$work/$form" "${flags[@]}"
  alone "$work/$form"
done
unset PKG_CONFIG_PATH

echo "-- several configurations, a unity build, hidden symbols, link time optimisation"
rm -rf "$work/odd"
cmake -S tests/consumer -B "$work/odd" -G "Ninja Multi-Config" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_UNITY_BUILD=ON -DCMAKE_CXX_VISIBILITY_PRESET=hidden -DCMAKE_VISIBILITY_INLINES_HIDDEN=ON \
  -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON -DCMAKE_CXX_FLAGS_DEBUG=-g0 -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >/dev/null
cmake --build "$work/odd" --config Debug --target consumer_compiled
alone "$work/odd/Debug/consumer_compiled"

for cmake in "$@"; do
  echo "-- $("$cmake" --version | head -1)"
  consumer other -DWANTED_VERSION="$number" >/dev/null
  "$cmake" --build "$work/other" --target consumer_compiled
  alone "$work/other/consumer_compiled"
  consumer other -DUSAGE_STATS_FOLDER="$root" >/dev/null
  "$cmake" --build "$work/other" --target consumer_compiled
  alone "$work/other/consumer_compiled"
done
echo "tests/packages/cmake.sh: all of it works"
