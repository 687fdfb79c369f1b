#!/usr/bin/env bash
# usage: tools/release.sh VERSION
# Creates the files of a release in build/release/, from the commit that is checked out. docs/release.md says what
# comes before and after it.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "tools/release.sh: $*" >&2
  exit 1
}

(($# == 1)) || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
version=$1
[[ $version =~ ^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$ ]] || fail "'$version' is no version like 1.2.3"

# ---- what must say the same

# says FILE LINE: the file has this line.
says() {
  grep -qxF -- "$2" "$1" || fail "$1 lacks the line: $2"
}
number=0
IFS=. read -ra numbers <<<"$version"
for part in MAJOR MINOR PATCH; do
  says include/usage_stats/version.hpp "#define USAGE_STATS_VERSION_$part ${numbers[number]}"
  number=$((number + 1))
done
says meson.build "  version: '$version',"
says packaging/conan/recipes/usage_stats/config.yml "  \"$version\":"
says packaging/vcpkg/vcpkg.json "  \"version\": \"$version\","
says packaging/conan/recipes/usage_stats/all/conandata.yml "  \"$version\":"
grep -q "^usage-stats ($version-1) " packaging/debian/changelog || fail "packaging/debian/changelog is not of $version-1"
# Archives and packages by name, in what authors copy.
other=$(git grep -nE '(usage_stats-|usage-stats-dev_)[0-9]+\.[0-9]+\.[0-9]+' -- README.md docs packaging |
  grep -vE "(usage_stats-|usage-stats-dev_)${version//./\\.}([^0-9]|$)" | head -1 || true)
[[ -z $other ]] || fail "another version is named: $other"
addresses=$(git grep -hoE 'https://[^" ]*/usage_stats-(\$\{VERSION\}|[0-9.]+)\.tar\.gz' -- README.md packaging |
  sed 's,/usage_stats-[^/]*$,,' | sort -u)
(($(wc -l <<<"$addresses") == 1)) || fail "the archive has more than one address: ${addresses//$'\n'/, }"
heading=$(grep -m 1 '^## \[[0-9]' CHANGELOG.md || true)
[[ $heading =~ ^##\ \[$version\]\ -\ [0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] ||
  fail "the newest release in CHANGELOG.md is '${heading:-none}'; it must be '## [$version] - YYYY-MM-DD'"
changes=$(awk -v heading="$heading" '$0 == heading { on = 1; next } on && /^## / { exit } on' CHANGELOG.md)
[[ -n ${changes//[[:space:]]/} ]] || fail "CHANGELOG.md says nothing of $version"
unreleased=$(awk '/^## \[Unreleased\]/ { on = 1; next } on && /^## / { exit } on' CHANGELOG.md)
[[ -z ${unreleased//[[:space:]]/} ]] || fail "CHANGELOG.md still has changes under [Unreleased]"
[[ -z $(git status --porcelain) ]] || fail "something is not committed: $(git status --porcelain | head -1)"
tools/amalgamate.py --check >/dev/null || fail "the single header is stale: run tools/amalgamate.py"
if ((numbers[0] > 0)) && grep -rq 'example\.org' packaging; then
  fail "packaging/ still has example.org for the project's address"
fi

# ---- what is published

out=build/release
name=usage_stats-$version
rm -rf "$out"
mkdir -p "$out"
# The same bytes whenever and wherever it is made: owner, order and times are the commit's.
git archive --format=tar --prefix="$name/" HEAD | gzip -n -9 >"$out/$name.tar.gz"
cp single_include/usage_stats.hpp "$out/usage_stats.hpp"
(cd "$out" && sha256sum "$name.tar.gz" usage_stats.hpp >SHA256SUMS)

sum=$(cut -d' ' -f1 "$out/SHA256SUMS" | head -1)
cat <<TEXT
$(cat "$out/SHA256SUMS")

packaging/conan/.../conandata.yml   sha256: "$sum"
packaging/meson/usage_stats.wrap    source_hash = $sum
packaging/vcpkg/portfile.cmake      SHA512 $(sha512sum "$out/$name.tar.gz" | cut -d' ' -f1)

$name is in $out; docs/release.md says what is next.
TEXT
