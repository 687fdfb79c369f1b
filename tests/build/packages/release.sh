#!/usr/bin/env bash
# tools/release.sh: refuses what does not fit together, and makes the same bytes twice.
source "$(dirname "$0")/common.sh"
tools/need.sh git python3
mkdir -p "$work/tree"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$work/tree"
cd "$work/tree"
number=$(version)
git() { command git -c user.name=tests -c user.email=tests@example.org -c commit.gpgsign=false "$@"; }
tools/amalgamate.py >/dev/null
git init -q && git add -A && git commit -qm tree

refused "no version" tools/release.sh v1
refused "lacks the line" tools/release.sh 99.0.0
refused "CHANGELOG.md" tools/release.sh "$number"

# A changelog as it is at a release.
sed -i "s/^## \[Unreleased\]$/## [Unreleased]\n\n## [$number] - 2026-11-29/" CHANGELOG.md
refused "not committed" tools/release.sh "$number"
git commit -qam changelog
tools/release.sh "$number" >"$work/told"
mv build/release "$work/first"
tools/release.sh "$number" >"$work/told_again"
diff -r "$work/first" build/release
cmp "$work/told" "$work/told_again"
(cd build/release && sha256sum --quiet -c SHA256SUMS)
cmp build/release/usage_stats.hpp single_include/usage_stats.hpp
tar -xzf "build/release/usage_stats-$number.tar.gz" -C "$work"
cmp "$work/usage_stats-$number/CHANGELOG.md" CHANGELOG.md

sed -i 's/"version": "/&9/' packaging/vcpkg/vcpkg.json && git commit -qam "another version"
refused "packaging/vcpkg/vcpkg.json lacks the line" tools/release.sh "$number"
git revert --no-edit HEAD >/dev/null
sed -i 's/usage_stats-[0-9]/&9/' README.md && git commit -qam "another archive"
refused "another version is named: README.md" tools/release.sh "$number"
git revert --no-edit HEAD >/dev/null
sed -i 's,https://,&other.,' packaging/vcpkg/portfile.cmake && git commit -qam "another address"
refused "more than one address" tools/release.sh "$number"
git revert --no-edit HEAD >/dev/null
sed -i 's/^  "/&9/' packaging/conan/recipes/usage_stats/all/conandata.yml && git commit -qam "other sources"
refused "conandata.yml lacks the line" tools/release.sh "$number"
git revert --no-edit HEAD >/dev/null
echo >>single_include/usage_stats.hpp && git commit -qam "a stale single header"
refused "stale" tools/release.sh "$number"
git revert --no-edit HEAD >/dev/null
sed -i 's/^## \[Unreleased\]$/&\n\n- one more change/' CHANGELOG.md && git commit -qam "a change"
refused "still has changes under [Unreleased]" tools/release.sh "$number"
echo "tests/build/packages/release.sh: all of it works"
