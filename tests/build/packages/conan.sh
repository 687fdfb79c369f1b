#!/usr/bin/env bash
# The Conan recipe as conan-center-index has it, and the conanfile.py of the tree, by the real conan (PyPI), offline: what
# the library needs are stub recipes for Debian's packages.
source "$(dirname "$0")/common.sh"
tools/need.sh g++ cmake make pkg-config nlohmann-json3-dev libcpp-httplib-dev python3-venv ccache git
venv=$root/build/ci/conan_venv
if [[ ! -x $venv/bin/conan ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" -q install 'conan>=2,<3'
fi
export CONAN_HOME=$work/home CMAKE_CXX_COMPILER_LAUNCHER=ccache
conan() { "$venv/bin/conan" "$@" 2>>"$work/log" || { tail -60 "$work/log" >&2; fail "conan $*"; }; }
conan --version
conan profile detect >/dev/null
number=$(version)
fast=(--no-remote -s compiler.cppstd=17 -s build_type=Debug -c 'tools.build:cxxflags=["-g0"]')

# stub NAME VERSION FILE-NAME TARGET FLAG...: a recipe for what the system has.
stub() {
  local folder=$work/stub_$1 name=$1 number=$2 file=$3 target=$4 defines=() libs=() flag
  shift 4
  for flag in "$@"; do
    case $flag in
      -D*) defines+=("'${flag#-D}'") ;;
      -l*) libs+=("'${flag#-l}'") ;;
    esac
  done
  mkdir -p "$folder"
  cat >"$folder/conanfile.py" <<TEXT
from conan import ConanFile

class Stub(ConanFile):
    name, version, package_type = "$name", "$number", "header-library"
    def package_id(self):
        self.info.clear()
    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "$file")
        self.cpp_info.set_property("cmake_target_name", "$target")
        self.cpp_info.bindirs = self.cpp_info.libdirs = self.cpp_info.includedirs = []
        self.cpp_info.defines = [$(IFS=, && echo "${defines[*]-}")]
        self.cpp_info.system_libs = [$(IFS=, && echo "${libs[*]-}")]
TEXT
  conan create "$folder" --no-remote >/dev/null
}
read -ra flags < <(pkg-config --cflags --libs cpp-httplib)
stub nlohmann_json "$(pkg-config --modversion nlohmann_json)" nlohmann_json nlohmann_json::nlohmann_json
stub cpp-httplib "$(pkg-config --modversion cpp-httplib)" httplib httplib::httplib "${flags[@]}"

# created FOLDER ARGUMENT...: builds the package, and its test_package, whose programs are run.
created() {
  echo "-- conan create $*"
  "$venv/bin/conan" create "$@" "${fast[@]}" >"$work/created" 2>&1 || { tail -60 "$work/created" >&2; fail "conan create $*"; }
  grep '^usage_stats [0-9]' "$work/created"
}
# From a copy: conan builds the test_package where it stands.
mkdir "$work/tree"
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$work/tree"
created "$work/tree"
(($(grep -c "^usage_stats $number: " "$work/created") == 2)) || fail "both targets must be run"

echo "-- a project that asks for another version is refused"
conan install --requires "usage_stats/$number" "${fast[@]}" -g CMakeDeps -g CMakeToolchain -of "$work/found" >/dev/null
found() {
  rm -rf "$work/consumer"
  cmake -S tests/build/consumer -B "$work/consumer" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_TOOLCHAIN_FILE="$work/found/conan_toolchain.cmake" -DWANTED_VERSION="$1"
}
found "${number%.*}" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "version ${number%.*} was refused"; }
for wrong in 0.0.5 99.0; do refused "requested version \"$wrong\"" found "$wrong"; done

echo "-- as conan-center-index builds it, from an archive"
git ls-files -z --cached --others --exclude-standard -- CMakeLists.txt LICENSE cmake include src |
  tar -czf "$work/archive.tar.gz" --null -T - --transform "s,^,usage_stats-$number/,"
cp -r packaging/conan/recipes/usage_stats "$work/recipe"
grep -q "\"$number\"" "$work/recipe/config.yml" || fail "config.yml lacks $number"
cat >"$work/recipe/all/conandata.yml" <<TEXT
sources:
  "$number":
    url: "file://$work/archive.tar.gz"
    sha256: "$(sha256sum "$work/archive.tar.gz" | cut -d' ' -f1)"
TEXT
created "$work/recipe/all" --version "$number" -o "usage_stats/*:with_httplib=False" -o "usage_stats/*:header_only=True"
(($(grep -c "^usage_stats $number: " "$work/created") == 1)) || fail "the header-only target must be run"

echo "-- one package id for each package, and no more"
id() {
  conan graph info --requires "usage_stats/$number" "${fast[@]}" --build=missing --format=json "$@" |
    python3 -c 'import json, sys
nodes = json.load(sys.stdin)["graph"]["nodes"].values()
print(*[node["package_id"] for node in nodes if (node["ref"] or "").startswith("usage_stats/")])'
}
header=(-o "usage_stats/*:header_only=True")
curl=(-o "usage_stats/*:with_httplib=False")
[[ $(id "${header[@]}") == "$(id "${header[@]}" -s build_type=Release)" ]] || fail "header-only packages differ by build type"
[[ $(id "${header[@]}") != "$(id "${header[@]}" "${curl[@]}")" ]] || fail "header-only packages with and without httplib are one"
[[ $(id) != "$(id -s build_type=Release)" ]] || fail "compiled packages of two build types are one"
[[ $(id) != "$(id "${curl[@]}")" && $(id) != "$(id "${header[@]}")" ]] || fail "packages of other options are one"
echo "tests/build/packages/conan.sh: all of it works"
