#!/usr/bin/env bash
# usage: tests/build/documents.sh PREFIX
# The commands and build files that README.md and docs/install.md show are taken from there and tried, by the README's
# first program; PREFIX is where the library is installed. What another script of the CI tries is looked for in that.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
prefix=$(realpath "$1")
work=$root/build/ci/documents
rm -rf "$work"
mkdir -p "$work"
export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_NOHASHDIR=1 PKG_CONFIG_PATH=$prefix/lib/pkgconfig

fail() {
  echo "tests/build/documents.sh: $*" >&2
  exit 1
}

# blocks FILE LANGUAGE: the blocks of code in this language, each as WORK/LANGUAGE_FILE_NUMBER.
blocks() {
  python3 - "$1" "$2" "$work/$2_$(basename "$1" .md)" <<'PYTHON'
import re
import sys

document, language, name = sys.argv[1:]
text = open(document, encoding="utf-8").read()
found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
for number, block in enumerate(found, 1):
    open(f"{name}_{number}", "w", encoding="utf-8").write(block)
if not found:
    sys.exit(f"{document} has no code in {language}")
PYTHON
}

# project NAME: a folder with the first program as main.cpp.
project() {
  mkdir -p "$work/$1"
  cat tests/programs/readme/stubs.hpp "$work/cpp_README_1" >"$work/$1/main.cpp"
}

# works PROGRAM: whether it runs, with an empty home and no terminal.
works() {
  local home
  home=$(mktemp -d "$work/home.XXXXXX")
  [[ $(env -i PATH=/usr/bin:/bin HOME="$home" timeout 60 "$1" a b) == "transferred a b" ]] || fail "$1 does not work"
  test -n "$(find "$home" -name usage_stats.json)" || fail "$1 has written no report"
}

echo "-- links to files and headings of this tree"
python3 - <<'PYTHON'
import pathlib
import re
import subprocess
import sys


def prose(path):
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def headings(path):
    """The anchors that GitHub makes."""
    found = re.findall(r"^#+ +(.*)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


broken = []
for name in subprocess.check_output(["git", "ls-files", "*.md"], text=True).split():
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(pathlib.Path(name))):
        if re.match("[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = pathlib.Path(name).parent / file if file else pathlib.Path(name)
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in headings(path)):
            broken.append(f"{name}: {target}")
sys.exit("\n".join(broken) or 0)
PYTHON

blocks README.md cpp
blocks README.md cmake
blocks README.md sh
blocks docs/install.md sh
blocks docs/install.md cmake
blocks docs/install.md meson

echo "-- README.md: CMakeLists.txt, with these sources in place of the archive"
project fetched
cp "$work/cmake_README_1" "$work/fetched/CMakeLists.txt"
cmake -S "$work/fetched" -B "$work/fetched/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g0 \
  -Werror=dev -DFETCHCONTENT_SOURCE_DIR_USAGE_STATS="$root" >"$work/log" || { cat "$work/log"; fail "it does not configure"; }
cmake --build "$work/fetched/build"
works "$work/fetched/build/mytool"

echo "-- docs/install.md: an installed package, with CMake and with Meson"
project found
{
  printf 'cmake_minimum_required(VERSION 3.22)\nproject(mytool LANGUAGES CXX)\nadd_executable(mytool main.cpp)\n'
  cat "$work/cmake_install_1"
} >"$work/found/CMakeLists.txt"
cmake -S "$work/found" -B "$work/found/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/found/build"
works "$work/found/build/mytool"
{
  echo "project('mytool', 'cpp', default_options: ['cpp_std=c++17'])"
  cat "$work/meson_install_1"
} >"$work/found/meson.build"
meson setup "$work/found/meson" "$work/found" >/dev/null
meson compile -C "$work/found/meson" >/dev/null
works "$work/found/meson/mytool"

echo "-- docs/install.md: drafts for packagers leave out all that is not the library"
python3 - <<'PYTHON'
import ast
import re
import sys

parts = re.findall(r"^option\(USAGE_STATS_BUILD_(\w+)", open("CMakeLists.txt", encoding="utf-8").read(), re.M)
drafts = open("docs/install.md", encoding="utf-8").read().split("\n## Others\n")[1]
wrong = []
for language, draft in re.findall(r"^```(\w+)\n(.*?)^```$", drafts, re.M | re.S):
    if language in ("python", "starlark"):
        ast.parse(draft)
    if "USAGE_STATS_BUILD_" in draft:
        wrong += [f"{language}: {part} is built" for part in parts if not re.search(rf'[_"]{part}\b', draft)]
sys.exit("\n".join(wrong) or 0)
PYTHON

# commands FILE: the commands of the blocks in sh, one a line, without comments.
commands() { cat "$work/sh_$1"_* | sed 's/ *#.*//' | grep -v '^$'; }

# tried_by SCRIPT TEXT: fails if the script does not have it.
tried_by() { grep -qF -- "$2" "$1" || fail "$1 does not try '$2'"; }

project by_hand
cp single_include/usage_stats.hpp "$work/by_hand"
while read -r command; do
  echo "-- $command"
  case $command in
    g++*)
      (cd "$work/by_hand" && rm -f a.out && bash -c "$command -O0")
      works "$work/by_hand/a.out"
      ;;
    "./mytool "*)
      home=$(mktemp -d "$work/home.XXXXXX")
      (cd "$work/fetched/build" && env -i PATH=/usr/bin:/bin HOME="$home" timeout 60 bash -c "$command") |
        grep -qF '"schema": "usage-stats/1"' || fail "'$command' shows no report"
      ;;
    ./tests/run.sh | ./examples/demo.sh) tried_by .ci/run "${command#./}" ;;
    ctest*) tried_by tests/run.sh "ctest --test-dir" ;;
    "conan create . --build=missing") tried_by tests/build/packages/conan.sh 'conan" create' ;;
    "vcpkg install usage-stats --overlay-ports=packaging/vcpkg") tried_by tests/build/packages/vcpkg.sh packaging/vcpkg ;;
    "cp -r packaging/debian debian && dpkg-buildpackage -us -uc -b")
      tried_by tests/build/packages/debian.sh "dpkg-buildpackage -us -uc" ;;
    "apt install ../libusage-stats-dev_"*) tried_by tests/build/packages/debian.sh "dpkg-deb -x ./libusage-stats-dev_" ;;
    "meson wrap install "*) tried_by tests/build/packages/meson.sh "stub ${command#meson wrap install }" ;;
    *) fail "nothing tries '$command'" ;;
  esac
done < <({ commands README; commands install; } | sort -u)

echo "-- what another leg builds"
tried_by tests/build/consumer/CMakeLists.txt "$(grep -h FetchContent_MakeAvailable "$work/cmake_install_2")"
echo "tests/build/documents.sh: all of it works"
