#!/usr/bin/env bash
# Systems and processors that are not here, and other compilers and standards than those of the other legs.
#   zig (PyPI)  macOS, FreeBSD, NetBSD: the other program is compiled and linked in each form; nothing of it can be run here
#   qemu-user   s390x (big endian), armhf, riscv64, i386: SHA-256, and a report that is right, sent and received
#   the rest    libc++, C++20 and 23, without exceptions and RTTI, nlohmann_json 3.12 (PyPI): that it compiles
# All of it sends by curl: httplib is somebody else's, and its package is of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=$root/build/ci/platforms
zig_version=0.17.1
tools/need.sh python3-venv python3-jsonschema nlohmann-json3-dev doctest-dev ccache clang libc++-dev libc++abi-dev qemu-user \
  g++ g++-s390x-linux-gnu g++-arm-linux-gnueabihf g++-riscv64-linux-gnu g++-i686-linux-gnu binutils
mkdir -p "$work/include" "$work/logs"
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
consumer=tests/build/consumer
headers=(-DUSAGE_STATS_NO_HTTPLIB -isystem "$work/include")
export CCACHE_NOHASHDIR=1

# Apart from the headers of this machine's C library that lie beside them.
cp -rLu /usr/include/nlohmann /usr/include/doctest "$work/include"
# The single header as it would be made of the parts of now.
rm -rf "$work/single"
mkdir -p "$work/single/single_include"
cp -r include tools "$work/single"
"$work/single/tools/amalgamate.py" >/dev/null

# ---- zig

if ! { [[ -x $work/zig/bin/python ]] || python3 -m venv "$work/zig"; } >"$work/logs/pip" 2>&1 ||
  ! "$work/zig/bin/pip" install -q "ziglang==$zig_version" nlohmann-json==3.12.0 >>"$work/logs/pip" 2>&1; then
  echo "SKIPPED: zig cannot be had from PyPI: $(tail -n 1 "$work/logs/pip")"
  exit 77
fi
export ZIG_GLOBAL_CACHE_DIR=$work/cache CCACHE_COMPILERTYPE=clang CCACHE_COMPILERCHECK="string:zig $zig_version"
printf '#!/bin/sh\nexec "%s" -m ziglang c++ "$@"\n' "$work/zig/bin/python" >"$work/zig-c++"
chmod +x "$work/zig-c++"

# zig TARGET FLAG...: compiles
zig() {
  local target=$1
  shift
  ccache "$work/zig-c++" -target "$target" -std=c++17 "${warnings[@]}" "${headers[@]}" -Wcomma "$@"
}

# linked TARGET FORM OBJECT...
linked() {
  local target=$1 form=$2 kind
  shift 2
  "$work/zig-c++" -target "$target" "$@" -o "$work/consumer_${target}_$form"
  case $target in
    *macos*) kind=Mach-O ;;
    *) kind=ELF ;;
  esac
  python3 -c 'import sys; head = open(sys.argv[1], "rb").read(4); sys.exit(head != {"Mach-O": b"\xcf\xfa\xed\xfe",
    "ELF": b"\x7fELF"}[sys.argv[2]])' "$work/consumer_${target}_$form" "$kind"
  echo "$target, $form: compiled and linked"
}

# every_form TARGET
every_form() {
  local target=$1 folder=$work/$1 name
  mkdir -p "$folder"
  zig "$target" -Iinclude -c $consumer/unity.cpp -o "$folder/header.o"
  linked "$target" header "$folder/header.o"
  zig "$target" -I"$work/single/single_include" -c $consumer/unity.cpp -o "$folder/single.o"
  linked "$target" single "$folder/single.o"
  for name in src/usage_stats $consumer/main $consumer/elsewhere; do
    zig "$target" -DUSAGE_STATS_COMPILED -Iinclude -c "$name.cpp" -o "$folder/$(basename "$name").o"
  done
  linked "$target" compiled "$folder"/{usage_stats,main,elsewhere}.o
}

# ---- qemu

# emulated TRIPLET QEMU [FLAG...]
emulated() {
  local triplet=$1 qemu=$2 folder=$work/$2 plain
  shift 2
  local gcc=(ccache "$triplet-g++" -std=c++17 -O1 "${warnings[@]}" "${headers[@]}" -DUSAGE_STATS_COMPILED -Iinclude "$@")
  mkdir -p "$folder"
  "${gcc[@]}" -c src/usage_stats.cpp -o "$folder/usage_stats.o"
  "${gcc[@]}" -c tests/programs/reporter.cpp -o "$folder/reporter.o"
  "${gcc[@]}" -Itests/support -DUSAGE_STATS_WITH_DETAIL -DDOCTEST_CONFIG_IMPLEMENT_WITH_MAIN \
    -DUSAGE_STATS_PYTHON='"/usr/bin/python3"' -c tests/unit/sha256.cpp -o "$folder/sha256.o"
  "${gcc[@]}" -Itests/support -c tests/support/process.cpp -o "$folder/process.o"
  "$triplet-g++" -static "$folder"/{reporter,usage_stats}.o -pthread -o "$folder/reporter"
  "$triplet-g++" -static "$folder"/{sha256,process,usage_stats}.o -pthread -o "$folder/sha256"
  # With 32 bits these fail where an inode or a size needs more; nobody compiles with _FILE_OFFSET_BITS=64 here.
  if [[ $triplet == i686-* || $triplet == arm-* ]]; then
    plain=$("$triplet-nm" -u "$folder/usage_stats.o" | grep -E ' (f?stat|lstat|fstatat|lseek|pread|readdir)$' || true)
    [[ -z $plain ]] || { echo "$qemu: asks with 32 bits: $plain"; return 1; }
  fi
  "qemu-$qemu" "$folder/sha256" --no-version
  tests/build/emulated.py "qemu-$qemu" "$folder/reporter"
}

# ---- other compilers and standards

# compiles FORM COMPILER FLAG...
compiles() {
  local form=$1 what
  shift
  case $form in
    header) what=(-Iinclude $consumer/unity.cpp) ;;
    single) what=("-I$work/single/single_include" $consumer/unity.cpp) ;;
    library) what=(-Iinclude src/usage_stats.cpp) ;;
    compiled) what=(-DUSAGE_STATS_COMPILED -Iinclude $consumer/unity.cpp) ;;
  esac
  "$@" "${warnings[@]}" "${headers[@]}" -fsyntax-only "${what[@]}"
  echo "$form: compiled by $(basename "$1") ${*:2}"
}

systems() {
  local target
  for target in aarch64-macos x86_64-macos x86_64-freebsd x86_64-netbsd; do every_form "$target"; done
  zig x86_64-linux-gnu -std=c++23 -Iinclude -c $consumer/unity.cpp -o "$work/newest.o"  # (it knows no -fsyntax-only)
  echo "header: compiled by zig's Clang as C++23"
}

processors() {
  unset CCACHE_COMPILERTYPE CCACHE_COMPILERCHECK
  emulated s390x-linux-gnu s390x
  emulated arm-linux-gnueabihf arm -Wno-psabi
  emulated riscv64-linux-gnu riscv64
  emulated i686-linux-gnu i386
  if "$work/i386/sha256" --no-version >/dev/null 2>&1; then  # where the kernel can: its own uploader, too
    tests/build/emulated.py native "$work/i386/reporter"
  else
    echo "i386: not executed by this kernel itself, which cannot"
  fi
}

standards() {
  local form neither=(-fno-exceptions -fno-rtti)
  for form in header single library compiled; do
    compiles "$form" clang++ -std=c++20 -stdlib=libc++ "${neither[@]}"
    compiles "$form" g++ -std=c++23 "${neither[@]}"
  done
  # nlohmann_json 3.12, which Debian has not: other conversions, and of its own parser the last that is known.
  compiles header g++ -std=c++17 -isystem "$(echo "$work"/zig/lib/python3*/site-packages/nlohmann_json/include)"
  compiles header clang++ -std=c++20 -stdlib=libc++
  compiles header g++ -std=c++23
}

# Two at a time; each ends with the first thing that fails.
systems >"$work/logs/systems" 2>&1 &
first=$!
{
  processors
  standards
} >"$work/logs/others" 2>&1 &
failed=0
wait $! || failed=1
wait "$first" || failed=1
cat "$work/logs/systems" "$work/logs/others"
exit $failed
