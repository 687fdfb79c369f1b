#!/usr/bin/env bash
# Our Meson wrap in a project that has wraps of nlohmann_json and cpp-httplib too, as from WrapDB, and nothing installed.
source "$(dirname "$0")/common.sh"
tools/need.sh g++ meson ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev ccache git
number=$(version)
project=$work/project
cp -r tests/build/consumer "$project"
subprojects=$project/subprojects
mkdir -p "$subprojects/packagecache"

# stub NAME FLAG...: a subproject with what the system has, under the name of WrapDB's.
stub() {
  local name=$1 flag compile=() link=()
  shift
  for flag in "$@"; do
    case $flag in
      -l*) link+=("'$flag'") ;;
      *) compile+=("'$flag'") ;;
    esac
  done
  mkdir -p "$subprojects/$name/include"
  printf '[wrap-file]\ndirectory = %s\n\n[provide]\ndependency_names = %s\n' "$name" "$name" >"$subprojects/$name.wrap"
  cat >"$subprojects/$name/meson.build" <<TEXT
project('$name', 'cpp', version: '$(pkg-config --modversion "$name")')
meson.override_dependency('$name', declare_dependency(include_directories: 'include',
  compile_args: [$(IFS=, && echo "${compile[*]-}")], link_args: [$(IFS=, && echo "${link[*]-}")]))
TEXT
}
stub nlohmann_json
read -ra flags < <(pkg-config --cflags --libs cpp-httplib)
stub cpp-httplib "${flags[@]}"

archive=usage_stats-$number.tar.gz
git ls-files -z --cached --others --exclude-standard -- meson.build meson_options.txt cmake include src LICENSE |
  tar -czf "$subprojects/packagecache/$archive" --null -T - --transform "s,^,usage_stats-$number/,"
grep -q "^source_filename = $archive$" packaging/meson/usage_stats.wrap || fail "the wrap is not of $number"
sum=$(sha256sum "$subprojects/packagecache/$archive" | cut -d' ' -f1)
sed "s/^source_hash = .*/source_hash = $sum/" packaging/meson/usage_stats.wrap >"$subprojects/usage_stats.wrap"

# By these two Meson would find what the system has.
printf "[binaries]\npkgconfig = '/nonexistent'\ncmake = '/nonexistent'\n" >"$work/nothing.ini"
setup() {
  rm -rf "$project/build"
  meson setup "$project/build" "$project" --native-file "$work/nothing.ini" -Dbuildtype=plain
}
setup >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "meson setup"; }
for name in nlohmann_json cpp-httplib; do
  grep -Eq "Dependency $name (found: YES [0-9.]+ \(overridden\)|from subproject .* found: YES)" "$work/log" ||
    { cat "$work/log" >&2; fail "$name is not the subproject's"; }
  grep -q -- "-isystem *[^ ]*subprojects/$name/include" "$project/build/compile_commands.json" ||
    fail "the headers of $name are no system headers"
done
meson compile -C "$project/build" consumer_usage_stats_compiled
alone "$project/build/consumer_usage_stats_compiled"

echo "-- another version than the wrap's is refused"
sed -i.right "s/'>= 0.1'/'>= 99'/" "$project/meson.build"
refused "found $number but need: '>= 99'" setup
mv "$project/meson.build.right" "$project/meson.build"

echo "-- without that of nlohmann_json it is told what to install"
rm -rf "$subprojects"/nlohmann_json*
refused "Ubuntu: nlohmann-json3-dev" setup

echo "-- an httplib that has a CMake package and no pkg-config file: its flags stand in ours"
httplib_for_cmake "$work/httplib"
printf "[binaries]\npkgconfig = '/nonexistent'\n" >"$work/no_pkgconfig.ini"
meson setup "$work/by_cmake" . --native-file "$work/no_pkgconfig.ini" -Dcmake_prefix_path="$work/httplib" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; fail "meson setup"; }
export PKG_CONFIG_PATH=$work/by_cmake/meson-private
read -ra flags < <(pkg-config --cflags --libs usage_stats)
echo "usage_stats: ${flags[*]}"
httplib_client "$work/client" "${flags[@]}"
# The library itself is built elsewhere; what may be wrong is what must be linked after it.
read -ra compile < <(pkg-config --cflags usage_stats)
told=$(pkg-config --libs usage_stats_compiled)
echo "usage_stats_compiled: $told"
[[ " $told " == *" -lusage_stats "* ]] || fail "usage_stats_compiled.pc does not name the library"
read -ra flags <<<"${told/-lusage_stats/}"
httplib_client "$work/client" "${compile[@]}" "${flags[@]}"
echo "tests/build/packages/meson.sh: all of it works"
