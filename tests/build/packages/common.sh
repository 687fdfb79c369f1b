# What the scripts of this folder share; to be sourced. Everything is made under build/ci/packages/NAME of the script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
root=$PWD
script=$(basename "$0" .sh)
work=$root/build/ci/packages/$script
rm -rf "$work"
mkdir -p "$work"
export CCACHE_NOHASHDIR=1

# alone COMMAND...: without anything of this user's or this environment's.
alone() {
  local home
  home=$(mktemp -d "$work/home.XXXXXX")
  env -i PATH=/usr/bin:/bin HOME="$home" timeout 60 "$@"
}

fail() {
  echo "tests/build/packages/$script.sh: $*" >&2
  exit 1
}

# refused TEXT COMMAND...: the command fails and says this.
refused() {
  local text=$1
  shift
  if "$@" >"$work/refused.log" 2>&1; then
    fail "this should have been refused: $*"
  fi
  grep -qF -- "$text" "$work/refused.log" || { cat "$work/refused.log" >&2; fail "'$text' was not said by: $*"; }
}

# also_said TEXT...: what the last one that was refused said as well.
also_said() {
  local text
  for text in "$@"; do
    grep -qF -- "$text" "$work/refused.log" || { cat "$work/refused.log" >&2; fail "'$text' was not said"; }
  done
}

version() {
  sed -n 's/.*VERSION_[A-Z]* \([0-9]*\)/\1/p' include/usage_stats/version.hpp | paste -sd.
}

# httplib_for_cmake FOLDER: the system's httplib as one that has a CMake package and no pkg-config file.
httplib_for_cmake() {
  local folder=$1/lib/cmake/httplib flags
  mkdir -p "$folder"
  read -ra flags < <(pkg-config --cflags cpp-httplib)
  cat >"$folder/httplibConfig.cmake" <<TEXT
add_library(httplib::library SHARED IMPORTED)
set_target_properties(httplib::library PROPERTIES IMPORTED_LOCATION "$(ls /usr/lib/*/libcpp-httplib.so)")
add_library(httplib::httplib INTERFACE IMPORTED)
set_target_properties(httplib::httplib PROPERTIES
  INTERFACE_COMPILE_DEFINITIONS "\$<\$<BOOL:TRUE>:$(IFS=';' && echo "${flags[*]#-D}")>"
  INTERFACE_LINK_LIBRARIES "\$<\$<BOOL:TRUE>:httplib::library>;\$<\$<PLATFORM_ID:Windows>:ws2_32>;\$<LINK_ONLY:dl>")
TEXT
  echo 'set(PACKAGE_VERSION 0.14.0)
set(PACKAGE_VERSION_COMPATIBLE TRUE)' >"$folder/httplibConfigVersion.cmake"
}

# httplib_client PROGRAM FLAG...: a program that needs the flags for httplib, built with these and run.
httplib_client() {
  echo '#include <httplib.h>
#if !defined(CPPHTTPLIB_OPENSSL_SUPPORT)
#error "the flags of httplib are missing"
#endif
int main() { return httplib::Client("localhost").is_valid() ? 0 : 1; }' >"$1.cpp"
  g++ -std=c++17 "$1.cpp" -o "$1" "${@:2}"
  alone "$1"
}
