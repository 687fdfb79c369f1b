#!/usr/bin/env bash
# Builds for Windows and, where there is Wine, runs what was built. All that is made goes with the temporary folder.
#   CXX=x86_64-w64-mingw32-g++-posix    the compiler
set -euo pipefail
cd "$(dirname "$0")/../../.."

tools/need.sh g++-mingw-w64-x86-64-posix nlohmann-json3-dev libcpp-httplib-dev
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

# Linux's own headers must not be seen: the two libraries alone.
mkdir -p "$scratch/include" "$HOME"
ln -s /usr/include/nlohmann /usr/include/httplib.h "$scratch/include"
flags+=(-isystem "$scratch/include")

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
syntax httplib <<'CODE'
#include <usage_stats.hpp>
int main() {}
CODE

# Optimised: of the many small functions of an unoptimised build this linker makes many minutes of work.
build() {
  local name=$1
  shift
  "$cxx" "${flags[@]}" -O1 -DUSAGE_STATS_NO_HTTPLIB -static -o "$scratch/$name.exe" "$@"
}
build smoke tests/build/windows/smoke.cpp &
build consumer tests/build/consumer/main.cpp tests/build/consumer/elsewhere.cpp
wait $!

tools/need.sh wine64 wine >"$scratch/wine.log" 2>&1 || true
wine=$(command -v wine64 || command -v wine || ls /usr/lib/wine/wine64 2>/dev/null || true)
if [[ -z $wine ]]; then
  echo "windows: compiled but not run: there is no Wine ($(tail -n 1 "$scratch/wine.log"))"
  exit 0
fi
if ! timeout 180 "$wine" wineboot --init >"$scratch/wine.log" 2>&1; then
  echo "windows: compiled but not run: Wine does not start ($(tail -n 1 "$scratch/wine.log"))"
  exit 0
fi
cd "$scratch"
for name in smoke consumer; do
  timeout 180 "$wine" "./$name.exe"
  timeout 60 wineserver -w || true  # what debugs the processes that crashed on purpose has gone
done
