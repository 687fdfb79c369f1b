#!/usr/bin/env bash
# usage: tools/source_package.sh SUITE FOLDER PACKAGE...
# Puts the original sources of packages of Debian's SUITE (bookworm, unstable) into FOLDER, as they are packed, from the
# machine's own mirror, and leaves the machine's package lists alone. Ends with 1, and says why, where that is not to be
# had.
set -euo pipefail
suite=$1 folder=$2
shift 2
mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk '$1 == "Debian" && $2 !~ /security/ { print $2; exit }' || true)
if [[ -z $mirror ]]; then
  echo "no mirror of Debian among the machine's package sources"
  exit 1
fi
mkdir -p "$folder"/{lists,cache}
cd "$folder"
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >list
apt=(apt-get -qq -o Dir::Etc::sourcelist="$PWD/list" -o Dir::Etc::sourceparts=/dev/null
     -o Dir::State::lists="$PWD/lists" -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root)
if ! { "${apt[@]}" update && "${apt[@]}" source --download-only "$@"; } >log 2>&1; then
  echo "the mirror does not give the sources of $*: $(grep -m 1 -E '^[EW]:' log)"
  exit 1
fi
