#!/usr/bin/env python3
"""Checks the layers of include/usage_stats: who includes whom.

  - A folder of detail/ includes files of its own folder and of those above it in LAYERS only; public headers include
    public headers only; there are no circular includes.
  - The operating system's headers appear in detail/os/posix and detail/os/windows only, where files come in pairs;
    what only one of the two needs is in a folder parts/ there.
  - path::string() appears in detail/os/posix only: on Windows it uses a code page, or throws (os::path_bytes).
  - Only ASCII characters, which Visual C++ reads the same whatever its code page.
  - nlohmann/json appears in JSON_FILES only, httplib in HTTPLIB_FILES only; public headers use the standard library.
  - An adapter includes its parser's header and the umbrella header, nothing else of ours; it, the collector and the
    examples name nothing of detail/ but PUBLIC_NEEDS' without_throwing, which each public call is made of.
  - A test names something of detail/ only where tests/README.md allows it (TESTS_OF_DETAIL).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOP = ROOT / "include" / "usage_stats"
UMBRELLA = ROOT / "include" / "usage_stats.hpp"
DETAIL = TOP / "detail"
LAYERS = ["os", "base", "record", "store", "consent", "send", "run", "cli"]  # from the bottom to the top
JSON_FILES = {"detail/base/json.inl"}
HTTPLIB_FILES = {"detail/send/transport/httplib.inl"}
PUBLIC_NEEDS = {"detail/base/command_line.hpp", "detail/base/public_call.hpp"}  # templates and the disabled form use them
ADAPTERS = {  # and the parser's header of each
    "cli11.hpp": "CLI/CLI.hpp", "cxxopts.hpp": "cxxopts.hpp", "boost_program_options.hpp": "boost/program_options.hpp",
    "gflags.hpp": "gflags/gflags.h", "getopt.hpp": "getopt.h"}
OUTSIDE = [ROOT / "collector", ROOT / "examples"] + [TOP / name for name in ADAPTERS]  # they know what is public
TESTS = ROOT / "tests"
TESTS_OF_DETAIL = ("unit/", "fuzz/", "build/windows/", "programs/sender.cpp")
STANDARD = set(
    """algorithm array atomic cerrno charconv chrono cmath condition_variable csignal cstddef cstdint cstdio cstdlib
    cstring ctime exception filesystem functional initializer_list iterator limits list map memory mutex new optional
    ratio set string string_view system_error thread tuple type_traits typeinfo unordered_map unordered_set utility
    variant vector cfenv climits cstdarg cwchar""".split())
COMPILER = {"cxxabi.h", "version"}  # of the compiler, not of an operating system
NARROW_PATH = re.compile(r"\.(generic_)?string\(\)")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def name_of(path):
    return path.relative_to(TOP).as_posix()


def layer_of(path):
    """The number of a file's layer; -1: public."""
    parts = path.relative_to(TOP).parts
    return LAYERS.index(parts[1]) if parts[0] == "detail" else -1


def includes_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def check_own(path, number, target, complaints):
    where = f"{name_of(path)}:{number}"
    if not target.is_file():
        complaints.append(f"{where}: there is no {target}")
        return
    mine, its = layer_of(path), layer_of(target)
    if mine == -1 and its != -1 and name_of(target) not in PUBLIC_NEEDS:
        complaints.append(f"{where}: a public header includes {name_of(target)}")
    elif its > mine >= 0:
        complaints.append(f"{where}: {LAYERS[mine]} is below {LAYERS[its]}, and includes {name_of(target)}")


def check_foreign(path, number, header, complaints):
    name, where = name_of(path), f"{name_of(path)}:{number}"
    if header.startswith("nlohmann/"):
        if name not in JSON_FILES:
            complaints.append(f"{where}: only {', '.join(sorted(JSON_FILES))} includes nlohmann/json")
    elif header == "httplib.h":
        if name not in HTTPLIB_FILES:
            complaints.append(f"{where}: only {', '.join(sorted(HTTPLIB_FILES))} includes httplib")
    elif header not in STANDARD | COMPILER and not name.startswith(("detail/os/posix/", "detail/os/windows/")):
        complaints.append(f"{where}: <{header}> is a header of the operating system, or unknown to this check")


def check_text(path, complaints):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{name_of(path)}:{number}"
        if NARROW_PATH.search(line) and not name_of(path).startswith("detail/os/posix/"):
            complaints.append(f"{where}: path::string() is in a code page on Windows: os::path_bytes")
        if not line.isascii():
            complaints.append(f"{where}: a character that is not of ASCII")


def check_outside(complaints):
    for name, header in ADAPTERS.items():
        for number, own, foreign in includes_of(TOP / name):
            if own is not None or foreign not in STANDARD | {"usage_stats.hpp", header}:
                complaints.append(f"{name}:{number}: an adapter includes {own or foreign}")
    for top in OUTSIDE:
        for path in [top] if top.is_file() else sorted(top.rglob("*.?pp")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if re.search(r"usage_stats/detail|\bdetail::(?!without_throwing)", line):
                    complaints.append(f"{path.relative_to(ROOT)}:{number}: names what is not public: {line.strip()}")


def check_tests(complaints):
    for path in sorted(TESTS.rglob("*.?pp")):
        name = path.relative_to(TESTS).as_posix()
        if name.startswith(TESTS_OF_DETAIL):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"#\s*include.*usage_stats/detail|\bdetail::|\busage_stats::detail\b", line):
                complaints.append(f"tests/{name}:{number}: a test of detail belongs in tests/unit: {line.strip()}")


def check_pairs(complaints):
    names = {system: {p.name for p in (DETAIL / "os" / system).glob("*.inl")} for system in ("posix", "windows")}
    for one, other in (("posix", "windows"), ("windows", "posix")):
        for missing in sorted(names[one] - names[other]):
            complaints.append(f"detail/os/{one}/{missing} has no twin in detail/os/{other}")


def check_cycles(graph, complaints):
    state = {}

    def visit(path, way):
        state[path] = "open"
        for target in graph.get(path, ()):
            if state.get(target) == "open":
                circle = way[way.index(target):] if target in way else way
                complaints.append("a circle: " + " -> ".join(name_of(p) for p in circle + [target]))
            elif target not in state:
                visit(target, way + [target])
        state[path] = "done"

    for path in sorted(graph):
        if path not in state:
            visit(path, [path])


def main():
    complaints, graph = [], {}
    files = [p for p in sorted(TOP.rglob("*")) if p.suffix in (".hpp", ".inl") and p.name not in ADAPTERS]
    if not files:
        sys.exit(f"no headers below {TOP}")
    for path in files:
        check_text(path, complaints)
        for number, own, foreign in includes_of(path):
            if own is None:
                check_foreign(path, number, foreign, complaints)
                continue
            target = (path.parent / own).resolve()
            check_own(path, number, target, complaints)
            graph.setdefault(path, []).append(target)
    check_outside(complaints)
    check_tests(complaints)
    check_pairs(complaints)
    check_cycles(graph, complaints)
    for complaint in complaints:
        print(complaint)
    print(f"{len(files)} files, {len(complaints)} against the layers")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
