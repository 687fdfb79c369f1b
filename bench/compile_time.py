#!/usr/bin/env python3
"""What `#include <usage_stats.hpp>` costs a compiler, next to the standard headers that it needs, interleaved."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

STANDARD = "".join(f"#include <{name}>\n" for name in ("string", "optional", "memory", "vector", "filesystem", "chrono"))
LIBRARY = "#include <usage_stats.hpp>\n"
VARIANTS = {
    "an empty file": ("", []),
    "<string> ... <chrono>": (STANDARD, []),
    "declarations (USAGE_STATS_COMPILED)": (LIBRARY, ["-DUSAGE_STATS_COMPILED"]),
    "all of it, without httplib": (LIBRARY, ["-DUSAGE_STATS_NO_HTTPLIB"]),
}


def seconds(folder, source, flags):
    path = os.path.join(folder, "unit.cpp")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source + "int main() {}\n")
    command = [os.environ.get("CXX", "g++"), "-std=c++17", "-O0", "-Iinclude", *flags, "-c", path, "-o", path + ".o"]
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, (source, flags) in VARIANTS.items():
                times[name].append(seconds(folder, source, flags))
    reference = statistics.median(times["<string> ... <chrono>"])
    print(f"{'compile time of one include, s':<38} {'median':>8} {'ratio':>8}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:<38} {median:8.2f} {median / reference:7.2f}x")


if __name__ == "__main__":
    main()
