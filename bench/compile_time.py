#!/usr/bin/env python3
"""What `#include <usage_stats.hpp>` costs a compiler, next to the standard headers that it needs, interleaved; then how
many bytes it adds to the README's program. Usage: compile_time.py [ROUNDS]"""

import os
import statistics
import subprocess
import sys
import tempfile

STANDARD = "".join(f"#include <{name}>\n" for name in ("string", "optional", "memory", "vector", "filesystem", "chrono"))
LIBRARY = "#include <usage_stats.hpp>\n"
LINKLESS = "-DUSAGE_STATS_NO_HTTPLIB"
VARIANTS = {
    "an empty file": ("", []),
    "<string> ... <chrono>": (STANDARD, []),
    "declarations (USAGE_STATS_COMPILED)": (LIBRARY, ["-DUSAGE_STATS_COMPILED"]),
    "all of it, without httplib": (LIBRARY, [LINKLESS]),
    "... and without the hook": (LIBRARY, [LINKLESS, "-DUSAGE_STATS_NO_UPLOADER_HOOK"]),
}
# The README's first program, its own work left out.
PROGRAM = """#include <cstdio>
static const usage_stats::Field<double> throughput{"throughput_gbps", "average transfer speed, Gbit/s"};
int main(int argc, char** argv) {
  usage_stats::TelemetrySession session({"mytool", "1.4.2", "https://stats.example.org/v1/usage"}, argc, argv);
  return session.run([&] {
    session.set(throughput, 3.2);
    return std::puts("transferred") < 0 ? 1 : 0;
  });
}
"""
BARE = '#include <cstdio>\nint main() { return std::puts("transferred") < 0 ? 1 : 0; }\n'


def compiler(*words):
    return [os.environ.get("CXX", "g++"), "-std=c++17", "-Iinclude", *words]


def seconds(folder, source, flags):
    """Of the compiler's own time: what else the machine does counts for less then."""
    path = os.path.join(folder, "unit.cpp")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source + "int main() {}\n")
    before = os.times()
    subprocess.run(compiler("-O0", *flags, "-c", path, "-o", path + ".o"), check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def stripped_bytes(folder, source, level):
    path = os.path.join(folder, "program.cpp")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    subprocess.run(compiler(level, LINKLESS, path, "-o", path + ".out", "-s"), check=True)
    return os.path.getsize(path + ".out")


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
        print(f"\n{'stripped program, without httplib':<38} {'bytes':>8} {'added':>8}")
        for level in ("-O2", "-Os"):
            bare = stripped_bytes(folder, BARE, level)
            whole = stripped_bytes(folder, LIBRARY + PROGRAM, level)
            print(f"{level:<38} {whole:8} {whole - bare:8}")


if __name__ == "__main__":
    main()
