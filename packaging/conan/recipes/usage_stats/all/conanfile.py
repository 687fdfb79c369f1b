import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, get, rmdir

required_conan_version = ">=2.0"


class UsageStatsConan(ConanFile):
    name = "usage_stats"
    description = "Usage statistics for command-line programs that their users can see, stop and delete"
    license = "MIT"
    url = "https://github.com/conan-io/conan-center-index"
    homepage = "https://example.org/usage_stats"
    topics = ("telemetry", "usage-statistics", "command-line", "privacy")

    package_type = "static-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "header_only": [True, False],
        "with_httplib": [True, False],
        "fPIC": [True, False],
    }
    options_description = {
        "header_only": "Leave the compiled library away; its users compile all of it",
        "with_httplib": "Send with cpp-httplib; without it the system's curl sends",
    }
    default_options = {
        "header_only": False,
        "with_httplib": True,
        "fPIC": True,
    }
    implements = ["auto_shared_fpic"]

    def configure(self):
        if self.options.header_only:
            self.package_type = "header-library"
            self.options.rm_safe("fPIC")

    def layout(self):
        cmake_layout(self, src_folder="src")

    def requirements(self):
        # Public: the headers include both, unless USAGE_STATS_COMPILED is defined.
        self.requires("nlohmann_json/[>=3.10 <4]", transitive_headers=True)
        if self.options.with_httplib:
            self.requires("cpp-httplib/[>=0.11 <1]", transitive_headers=True, transitive_libs=True)

    def package_id(self):
        # All of it is text then; with and without httplib it is the same text with another definition.
        if self.info.options.header_only:
            self.info.settings.clear()
            self.info.requires.clear()

    def validate(self):
        check_min_cppstd(self, 17)

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["USAGE_STATS_USE_HTTPLIB"] = bool(self.options.with_httplib)
        for part in ("TESTS", "EXAMPLES", "BENCH", "COLLECTOR"):
            toolchain.cache_variables[f"USAGE_STATS_BUILD_{part}"] = False
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        if self.options.header_only:
            return
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        if self.options.header_only:
            for pattern in ("*.hpp", "*.ipp", "*.inl"):
                copy(self, pattern, os.path.join(self.source_folder, "include"),
                     os.path.join(self.package_folder, "include"))
            return
        CMake(self).install()
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "usage_stats")
        # As the package that CMake installs: until 1.0 a minor version may break what the one before it promised.
        below_one = str(self.version).startswith("0.")
        self.cpp_info.set_property("cmake_config_version_compat",
                                   "SameMinorVersion" if below_one else "SameMajorVersion")
        of_system = {"Windows": ["ws2_32"], "Linux": ["pthread"], "FreeBSD": ["pthread"]}
        system_libs = of_system.get(str(self.settings.get_safe("os")), [])
        needs = ["nlohmann_json::nlohmann_json"]
        definitions = []
        if self.options.with_httplib:
            needs.append("cpp-httplib::cpp-httplib")
        else:
            definitions.append("USAGE_STATS_NO_HTTPLIB")

        header = self.cpp_info.components["header"]
        header.set_property("cmake_target_name", "usage_stats::usage_stats")
        header.set_property("pkg_config_name", "usage_stats")
        header.bindirs = []
        header.libdirs = []
        header.defines = definitions
        header.requires = needs
        header.system_libs = system_libs

        if not self.options.header_only:
            compiled = self.cpp_info.components["compiled"]
            compiled.set_property("cmake_target_name", "usage_stats::compiled")
            compiled.set_property("pkg_config_name", "usage_stats_compiled")
            compiled.libs = ["usage_stats"]
            compiled.defines = ["USAGE_STATS_COMPILED"]
            compiled.requires = needs
            compiled.system_libs = system_libs
