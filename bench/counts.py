#!/usr/bin/env python3
"""usage: bench/counts.py [--write | --check] [--build FOLDER]

Counts what a run costs, in figures that another machine would find too: system calls (strace), instructions (callgrind),
allocations (memcheck's "total heap usage") and bytes. `--check` compares them with bench/counts.json and fails if one has
grown by more than 3 %; `--write` writes that file. A run is bench/program.cpp, header-only, -O2, without httplib, with an
endpoint on this machine that takes every report.
"""
import argparse
import collections
import fcntl
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "bench" / "counts.json"
TOLERANCE = 0.03
CXX = os.environ.get("CXX", "g++").split()


class Accepting(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def build(folder, name, *flags):
    program = folder / name
    command = CXX + ["-std=c++17", "-O2", *flags, f"-I{ROOT}/include", f"{ROOT}/bench/program.cpp", "-o", str(program),
                     "-pthread", "-ldl"]
    subprocess.run(command, check=True)
    return program


class Bench:
    """A home of its own, a server, and the programs."""

    def __init__(self, folder, url):
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir()
        self.usage = self.home / ".local/state/bench/usage"
        self.on = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "BENCH_USAGE_STATS_ENABLED": "1",
                   "BENCH_USAGE_STATS_ENDPOINT": url,
                   # One kind of string functions, whatever the processor has.
                   "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM,-BMI2"}
        self.off = dict(self.on, BENCH_USAGE_STATS_ENABLED="0")

    def run(self, command, environment):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                       cwd=self.folder, timeout=120)

    def settle(self):
        """Waits until nothing is left to be sent and no uploader is at work."""
        lock, deadline = self.usage / "uploader.lock", time.monotonic() + 60
        while time.monotonic() < deadline:
            waiting = list((self.usage / "pending").glob("*")) if (self.usage / "pending").is_dir() else []
            if not waiting and (not lock.exists() or not locked(lock)):
                return
            time.sleep(0.05)
        sys.exit("the uploader has not come to its end")

    def run_in_valgrind(self, options, program, environment):
        """There the program cannot start itself: a run without sends what is left."""
        self.run(["valgrind", *options, str(program)], environment)
        if environment is self.on:
            self.run([str(self.program)], self.on)
            self.settle()

    def trace(self, program, environment):
        """The lines of strace, by process: first the program's own, then all that it has started."""
        traces = self.folder / "traces"
        shutil.rmtree(traces, ignore_errors=True)
        traces.mkdir()
        self.run(["strace", "-ff", "-o", str(traces / "t"), str(program)], environment)
        self.settle()
        lines = {int(path.suffix[1:]): path.read_text(errors="replace").splitlines() for path in traces.iterdir()}
        first = min(lines, key=lambda process: (not lines[process][0].startswith("execve("), process))
        return lines.pop(first), [line for process in sorted(lines) for line in lines[process]]

    def host(self, program, environment):
        """The system calls of the process itself by name, and those of the start of the uploader up to its exec."""
        own, others = self.trace(program, environment)
        start = next((i for i, line in enumerate(others) if line.startswith("execve(")), len(others))
        return collections.Counter(line.split("(")[0] for line in own if "(" in line), start

    def uploader(self):
        """The system calls of an uploader that sends one report by curl, and does not stay for others."""
        with open(self.usage / "uploader.lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            self.run([str(self.program)], self.on)
        own, _ = self.trace(self.program, dict(self.on, USAGE_STATS_UPLOADER=str(self.usage),
                                               USAGE_STATS_UPLOADER_STAY_MS="0"))
        return sum("(" in line for line in own)


def locked(path):
    """As another process sees it."""
    with open(path, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.lockf(file, fcntl.LOCK_UN)
        return False


def instructions(bench, program, environment):
    out = bench.folder / "callgrind.out"
    bench.run_in_valgrind(["--tool=callgrind", f"--callgrind-out-file={out}"], program, environment)
    return int(re.search(r"^summary: (\d+)", out.read_text(errors="replace"), re.M).group(1))


def allocations(bench, program, environment):
    log = bench.folder / "memcheck.log"
    options = ["--undef-value-errors=no", "--leak-check=no", f"--log-file={log}"]
    bench.run_in_valgrind(options, program, environment)
    return int(re.search(r"total heap usage: ([\d,]+) allocs", log.read_text()).group(1).replace(",", ""))


def stripped(program):
    copy = program.with_suffix(".stripped")
    subprocess.run(["strip", "-o", str(copy), str(program)], check=True)
    return copy.stat().st_size


def cold_host_functions(folder):
    """How many of bench/host.cpp's functions the compiler has taken for cold code."""
    unit = folder / "host.o"
    subprocess.run(CXX + ["-std=c++17", "-O2", "-ffunction-sections", "-DUSAGE_STATS_NO_HTTPLIB", f"-I{ROOT}/include", "-c",
                          f"{ROOT}/bench/host.cpp", "-o", str(unit)], check=True)
    symbols = subprocess.run(["objdump", "-t", str(unit)], check=True, capture_output=True, text=True).stdout
    names = re.findall(r" F (\.text\S*)\s.* (_Z\d+host_\w+)$", symbols, re.M)
    if len(names) < 9:
        sys.exit("bench/host.cpp: its functions are not found")
    return sum(section.startswith(".text.unlikely") for section, _ in names)


def measure(folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Accepting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bench = Bench(folder, f"http://127.0.0.1:{server.server_port}/v1/usage")
        plain = build(folder, "plain", "-DBENCH_PLAIN")
        program = bench.program = build(folder, "program", "-DUSAGE_STATS_NO_HTTPLIB")
        for _ in range(2):  # the first run makes the folder and the id
            bench.run([str(program)], bench.on)
            bench.settle()
        kinds, start = bench.host(program, bench.on)
        counts = {"system_calls_bare": bench.host(plain, bench.on)[0].total(),
                  "system_calls_off": bench.host(program, bench.off)[0].total(),
                  "system_calls_host": kinds.total(), "system_calls_start": start,
                  "system_calls_uploader": bench.uploader(),
                  "instructions_added": instructions(bench, program, bench.on) - instructions(bench, plain, bench.on),
                  "instructions_off": instructions(bench, program, bench.off) - instructions(bench, plain, bench.off),
                  "allocations_added": allocations(bench, program, bench.on) - allocations(bench, plain, bench.on),
                  "stripped_bytes_added": stripped(program) - stripped(plain),
                  "cold_host_functions": cold_host_functions(folder)}
        server.shutdown()
    return counts, kinds


def made_on():
    """What the counts hang on besides the library: with another compiler, C library or kernel they are others."""
    compiler = subprocess.run(CXX + ["--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return {"compiler": compiler, "libc": " ".join(os.confstr("CS_GNU_LIBC_VERSION").split()),
            "kernel": ".".join(os.uname().release.split(".")[:2])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write bench/counts.json")
    parser.add_argument("--check", action="store_true", help="fail if a count has grown by more than 3 %%")
    parser.add_argument("--kinds", action="store_true", help="show the host's system calls by name")
    options = parser.parse_args()
    for tool in ("strace", "valgrind", "strip", "objdump"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing")
    with tempfile.TemporaryDirectory(prefix="usage-stats-counts-") as folder:
        counts, kinds = measure(pathlib.Path(folder))
    before = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}
    known_on, here = before.pop("made_on", None), made_on()
    grown = []
    for name, count in counts.items():
        limit = before.get(name)
        print(f"{name:24}{count:12,}" + (f"   committed {limit:12,}  {count / limit - 1:+.1%}" if limit else ""))
        if limit is not None and count > limit * (1 + TOLERANCE):
            grown.append(name)
    if options.kinds:
        print("  ".join(f"{name} {count}" for name, count in kinds.most_common()))
    if options.write:
        COMMITTED.write_text(json.dumps({"made_on": here, **counts}, indent=2) + "\n")
    if options.check and known_on != here:
        print(f"SKIPPED: counts: bench/counts.json was made on {known_on}, this is {here}")
        sys.exit(77)
    if options.check and (grown or set(before) - set(counts) or not before):
        sys.exit("grown by more than 3 %: " + ", ".join(grown) if grown else "bench/counts.json is not of this program")


if __name__ == "__main__":
    main()
