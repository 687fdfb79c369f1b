import os

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout


class UsageStatsTestConan(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps"

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires(self.tested_reference_str)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["WITH_COMPILED"] = not self.dependencies[self.tested_reference_str].options.header_only
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def test(self):
        if not can_run(self):
            return
        for form in ("header", "compiled"):
            program = os.path.join(self.cpp.build.bindir, f"test_{form}")
            if form == "header" or os.path.exists(program) or os.path.exists(program + ".exe"):
                self.run(program, env="conanrun")
