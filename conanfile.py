"""Builds this source tree as a Conan package: conan create . --build=missing

The recipe itself stands where conan-center-index has it; here only the sources come from another place.
"""
import importlib.util
import os
import re

from conan.tools.files import copy, load


def _recipe():
    here = os.path.dirname(os.path.abspath(__file__))
    # In Conan's cache the exported recipe lies beside this file.
    for folder in (here, os.path.join(here, "packaging", "conan", "recipes", "usage_stats", "all")):
        path = os.path.join(folder, "usage_stats_recipe.py" if folder == here else "conanfile.py")
        if os.path.isfile(path):
            spec = importlib.util.spec_from_file_location("usage_stats_recipe", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.UsageStatsConan
    raise FileNotFoundError("packaging/conan/recipes/usage_stats/all/conanfile.py")


class UsageStatsInTree(_recipe()):
    test_package_folder = "packaging/conan/recipes/usage_stats/all/test_package"

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, "include", "usage_stats", "version.hpp"))
        self.version = ".".join(re.findall(r"#define USAGE_STATS_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text))

    def export(self):
        recipe = os.path.join(self.recipe_folder, "packaging", "conan", "recipes", "usage_stats", "all", "conanfile.py")
        with open(recipe, encoding="utf-8") as file, \
                open(os.path.join(self.export_folder, "usage_stats_recipe.py"), "w", encoding="utf-8") as copied:
            copied.write(file.read())

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*"):
            copy(self, pattern, self.recipe_folder, self.export_sources_folder)

    def layout(self):
        from conan.tools.cmake import cmake_layout
        cmake_layout(self, build_folder="build/conan")

    def source(self):
        pass
