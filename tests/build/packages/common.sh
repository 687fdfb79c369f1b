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
