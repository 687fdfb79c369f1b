#!/usr/bin/env bash
# Builds for Windows and, where there is Wine, runs what was built. All that is made goes with the temporary folder.
#   CXX=x86_64-w64-mingw32-g++-posix    the compiler
set -euo pipefail
cd "$(dirname "$0")/../../.."

tools/need.sh g++-mingw-w64-x86-64-posix nlohmann-json3-dev libcpp-httplib-dev clang cmake ninja-build meson pkg-config
cxx=${CXX:-x86_64-w64-mingw32-g++-posix}
flags=(-std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Iinclude)
scratch=$(mktemp -d)
export WINEPREFIX=$scratch/prefix HOME=$scratch/home WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe="
unset DISPLAY
finish() {
  if [[ -d $WINEPREFIX ]]; then
    wineserver -k 2>/dev/null || true
    wineserver -w 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT

# Linux's own headers must not be seen: the two libraries alone. Debian's httplib.h was split from what it defines, which
# is built for Linux only: that of its source package is whole.
mkdir -p "$scratch"/{include,share/cmake,share/pkgconfig,source} "$HOME"
ln -s /usr/include/nlohmann "$scratch/include"
cp -r /usr/share/cmake/nlohmann_json "$scratch/share/cmake"
sed "s#=/usr#=$scratch#" /usr/share/pkgconfig/nlohmann_json.pc >"$scratch/share/pkgconfig/nlohmann_json.pc"
without_httplib=()
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
if why=$(tools/source_package.sh "$suite" "$scratch/source" cpp-httplib); then
  tar -xf "$scratch"/source/cpp-httplib_*.orig.tar.* -C "$scratch/include" --strip-components 1 --wildcards '*/httplib.h'
else
  echo "windows: NOTHING IS SENT: $why"
  without_httplib=(-DUSAGE_STATS_NO_HTTPLIB)
fi
flags+=(-isystem "$scratch/include")

# Wine gets ready beside the compiler; what it says at the end of its log is why it does not.
prepare_wine() {
  tools/need.sh wine64 wine || return
  wine=$(command -v wine64 || command -v wine || ls /usr/lib/wine/wine64) || return
  timeout 180 "$wine" wineboot --init && echo "$wine" >"$scratch/wine"
}
prepare_wine >"$scratch/wine.log" 2>&1 &
getting_wine=$!

# syntax NAME FLAG...: a source file, from standard input, that need only compile.
syntax() {
  local name=$1
  shift
  cat >"$scratch/$name.cpp"
  "$cxx" "${flags[@]}" -fsyntax-only "$@" "$scratch/$name.cpp"
}

# A host that includes windows.h first, with all of its macros; and one that does so afterwards and has none of ours.
syntax windows_first -DUSAGE_STATS_NO_HTTPLIB <<'CODE'
#include <algorithm>
#include <windows.h>
#include <objbase.h>
#define min(a, b) (((a) < (b)) ? (a) : (b))  // as Microsoft's header does in C++, too
#define max(a, b) (((a) > (b)) ? (a) : (b))
#include <usage_stats.hpp>
int main() { return max(0, min(1, 0)); }
CODE
syntax windows_after -DUSAGE_STATS_NO_HTTPLIB <<'CODE'
#include <usage_stats.hpp>
#if defined(WIN32_LEAN_AND_MEAN) || defined(min) || defined(max)  // NOMINMAX is defined by GCC's own headers
#error "usage_stats.hpp leaves macros of windows.h"
#endif
#include <windows.h>
int main() { return static_cast<int>(::GetCurrentProcessId() & 0); }
CODE
syntax lean -DUSAGE_STATS_NO_HTTPLIB -DNOMINMAX -DWIN32_LEAN_AND_MEAN <<'CODE'
#include <usage_stats.hpp>
#if !defined(NOMINMAX) || !defined(WIN32_LEAN_AND_MEAN)
#error "usage_stats.hpp takes macros of the host away"
#endif
int main() {}
CODE

# Narrow texts that become paths.
syntax narrow_paths -DUSAGE_STATS_NO_HTTPLIB -Itests/build/windows <<'CODE'
#include "narrow_paths.hpp"
#include <usage_stats.hpp>
int main() {}
CODE

# With CMake, whose form must name the libraries of the system; what pkg-config and Meson make of it is looked at. The
# flags are a toolchain's. Optimised: of the many small functions of an unoptimised build this linker makes many minutes
# of work.
cross_cmake() {
  cmake -G Ninja "$@" -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_FLAGS=-O1 -DCMAKE_EXE_LINKER_FLAGS=-static -DCMAKE_FIND_ROOT_PATH="$scratch" \
    -DCMAKE_PREFIX_PATH="$scratch" -DUsageStatsHttplib_INCLUDE_DIR="$scratch/include" >"$scratch/cmake.log" ||
    { cat "$scratch/cmake.log"; return 1; }
}
build_consumer() {
  cross_cmake -S . -B "$scratch/pc" -DUSAGE_STATS_BUILD_TESTS=OFF -DUSAGE_STATS_BUILD_EXAMPLES=OFF \
    -DUSAGE_STATS_BUILD_BENCH=OFF
  grep -q -- -lws2_32 "$scratch"/pc/pkgconfig/*/usage_stats.pc
  grep -q -- -lws2_32 "$scratch"/pc/pkgconfig/*/usage_stats_compiled.pc
  cross_cmake -S tests/build/consumer -B "$scratch/consumer" -DUSAGE_STATS_FOLDER="$PWD"
  cmake --build "$scratch/consumer" --target consumer_usage_stats >"$scratch/build.log" || { cat "$scratch/build.log"; return 1; }
  mv "$scratch/consumer/consumer_usage_stats.exe" "$scratch/consumer.exe"
}
configure_meson() {
  cat >"$scratch/cross" <<CROSS
[binaries]
cpp = '$cxx'
pkg-config = 'pkg-config'
pkgconfig = 'pkg-config'
[built-in options]
cpp_args = ['-isystem', '$scratch/include']
[host_machine]
system = 'windows'
cpu_family = 'x86_64'
cpu = 'x86_64'
endian = 'little'
CROSS
  PKG_CONFIG_LIBDIR=$scratch/share/pkgconfig meson setup --cross-file "$scratch/cross" "$scratch/meson" >"$scratch/meson.log" ||
    { cat "$scratch/meson.log"; return 1; }
  grep -q -- -lws2_32 "$scratch/meson/usage_stats.pc"
}
if ((${#without_httplib[@]} == 0)); then
  (build_consumer; configure_meson) &
else
  "$cxx" "${flags[@]}" -O1 -DUSAGE_STATS_NO_HTTPLIB -static -o "$scratch/consumer.exe" tests/build/consumer/{main,elsewhere}.cpp &
fi
building=$!
"$cxx" "${flags[@]}" "${without_httplib[@]}" -O1 -static -o "$scratch/smoke.exe" tests/build/windows/smoke.cpp -lws2_32

# The form for Visual C++, by a compiler that makes the same of it.
clang++ --target=x86_64-pc-windows-msvc -std=c++17 -O2 -Iinclude -c tests/build/windows/hook_order.cpp -o "$scratch/hook_order.obj"
"$cxx" -o "$scratch/hook_order.exe" "$scratch/hook_order.obj"
wait "$building"

wait "$getting_wine" || true
if [[ ! -s $scratch/wine ]]; then
  echo "windows: compiled but not run: there is no Wine, or it does not start ($(tail -n 1 "$scratch/wine.log"))"
  exit 0
fi
wine=$(<"$scratch/wine")
cd "$scratch"
for name in hook_order smoke consumer; do
  timeout 180 "$wine" "./$name.exe"
  timeout 60 wineserver -w || true  # what debugs the processes that crashed on purpose has gone
done
