#!/usr/bin/env bash
# The Debian package: built from an archive of the tree, looked at by lintian, and its own test (debian/tests) run against
# what is in it.
source "$(dirname "$0")/common.sh"
tools/need.sh g++ cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev debhelper dpkg-dev lintian git
number=$(version)
grep -q "^usage-stats ($number-" packaging/debian/changelog || fail "packaging/debian/changelog is not of $number"

source=$work/usage-stats-$number
mkdir -p "$source"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$source"
tar -czf "$work/usage-stats_$number.orig.tar.gz" -C "$work" "usage-stats-$number"
cp -r "$source/packaging/debian" "$source/debian"
cd "$source"
# Not optimised: it is the package that is tried here.
if ! DEB_BUILD_OPTIONS="noopt nocheck parallel=2" dpkg-buildpackage -us -uc -F >"$work/log" 2>&1; then
  tail -40 "$work/log" >&2
  fail "dpkg-buildpackage"
fi
cd "$work"
lintian --fail-on error --allow-root --info ./*.changes
dpkg-deb --contents "libusage-stats-dev_${number}-1_$(dpkg --print-architecture).deb" | awk '{ print $6 }' | sort >contents
library=./usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
for file in ./usr/include/usage_stats.hpp ./usr/include/usage_stats/cli11.hpp "$library/libusage_stats.a" \
  "$library/cmake/usage_stats/usage_statsConfig.cmake" "$library/pkgconfig/usage_stats.pc"; do
  grep -qxF "$file" contents || fail "the package lacks $file"
done

# As autopkgtest would, but from a folder: nothing is installed on this machine.
dpkg-deb -x ./libusage-stats-dev_*.deb "$work/installed"
sed -i "s,/usr/,$work/installed/usr/," "$work/installed/${library#./}"/pkgconfig/usage_stats*.pc
sed -i "s,^prefix=/usr$,prefix=$work/installed/usr," "$work/installed/${library#./}"/pkgconfig/usage_stats*.pc
cd "$source"
env -i PATH=/usr/bin:/bin CMAKE_PREFIX_PATH="$work/installed/usr" CXXFLAGS=-g0 \
  PKG_CONFIG_PATH="$work/installed/${library#./}/pkgconfig" timeout 300 debian/tests/consumer
echo "tests/build/packages/debian.sh: all of it works"
