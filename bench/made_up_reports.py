#!/usr/bin/env python3
"""usage: bench/made_up_reports.py COUNT [DAYS] > reports.jsonl

Made-up but plausible reports of two tools, transfer_tool and stripe_caller, of the last DAYS (180) days, one a line: for
`usage-stats-collector import`, to see what pages look like and how fast they are.
"""
import datetime
import hashlib
import json
import math
import random
import sys

RANDOM = random.Random(17)
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
SYSTEMS = [
    ("linux", "Ubuntu 24.04.1 LTS", "6.8.0", "glibc 2.39", 0.34),
    ("linux", "Debian GNU/Linux 12", "6.1.0", "glibc 2.36", 0.2),
    ("linux", "Rocky Linux 9.4", "5.14.0", "glibc 2.34", 0.14),
    ("macos", "macOS 15.1", "24.1.0", "", 0.19),
    ("macos", "macOS 14.5", "23.5.0", "", 0.06),
    ("windows", "Windows 11 10.0.22631", "10.0.22631", "", 0.07),
]
ERRORS = [
    ("std::runtime_error", "connection reset by peer", 0.3, None),
    ("std::filesystem::filesystem_error", "cannot open <value>: No such file or directory", 0.25, None),
    ("std::invalid_argument", "unknown region <value>", 0.2, None),
    ("std::bad_alloc", "std::bad_alloc", 0.1, None),
    ("std::runtime_error", "checksum mismatch in block <value>", 0.15, "newest"),
]


def pick(weighted):
    return RANDOM.choices(weighted, [entry[-1] for entry in weighted])[0]


def hex_id(*parts):
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]


class Tool:
    name, releases = "", []

    def __init__(self, installations, days):
        self.days = days
        self.people = []
        for number in range(installations):
            system = pick(SYSTEMS)
            joined = int(days * (1 - math.sqrt(RANDOM.random())))  # days ago, growing
            arch = "aarch64" if system[0] == "macos" or RANDOM.random() < 0.08 else "x86_64"
            self.people.append({"id": hex_id(self.name, number), "system": system, "joined": joined, "arch": arch,
                                "cpus": RANDOM.choice([4, 8, 8, 12, 16, 32, 64]), "ci": RANDOM.random() < 0.06,
                                "lag": int(RANDOM.expovariate(1 / 18)), "active": RANDOM.paretovariate(1.3)})
        self.weights = [person["active"] for person in self.people]

    def version(self, person, ago):
        """The newest release that this person had installed by then."""
        released = [version for version, since in self.releases if since - person["lag"] >= ago]
        return released[-1] if released else self.releases[0][0]

    def report(self, number):
        person = RANDOM.choices(self.people, self.weights)[0]
        ago = int(RANDOM.random() * (person["joined"] + 1))
        start = NOW - datetime.timedelta(days=ago, seconds=RANDOM.randrange(86400))
        if start.weekday() > 4 and not person["ci"] and RANDOM.random() < 0.55:
            start -= datetime.timedelta(days=2)
        version = self.version(person, ago)
        status = pick([("ok", 0.9), ("failed", 0.045), ("exception", 0.035), ("signal", 0.012), ("lost", 0.008)])[0]
        report = {
            "schema": "usage-stats/1", "client_id": person["id"], "session_id": hex_id(self.name, "run", number),
            "sequence": 1, "final": True, "app": {"name": self.name, "version": version},
            "build": {"compiler": "GCC 13.2.0", "cxx_standard": 17, "type": "release", "dependencies": {}},
            "system": {"os": person["system"][0], "os_version": person["system"][1], "kernel": person["system"][2],
                       "arch": person["arch"], "cpus": person["cpus"], "memory_gb": 16, "ci": person["ci"],
                       "container": person["ci"], "interactive": not person["ci"]},
            "started_at": start.strftime("%Y-%m-%dT%H:%M:%S.123Z"), "outcome": {"status": status},
            "events": [], "stages": [], "delivery": {"sent": 1, "failed": 0, "dropped": 0}}
        if person["system"][3]:
            report["system"]["libc"] = person["system"][3]
        self.fill(report, person, status)
        duration = report.pop("seconds")
        if status != "lost":
            report["duration_s"] = round(duration, 3)
            report["ended_at"] = (start + datetime.timedelta(seconds=duration)).strftime("%Y-%m-%dT%H:%M:%S.456Z")
        if status == "failed":
            report["outcome"]["exit_code"] = RANDOM.choice([1, 2])
        if status == "signal":
            report["outcome"]["signal"] = RANDOM.choice(["SIGSEGV", "SIGABRT", "SIGINT", "SIGINT"])
        if status == "exception":
            kind = pick([(t, m, w) for t, m, w, new in ERRORS if not new or version == self.releases[-1][0]])
            report["outcome"]["error"] = {"type": kind[0], "message": kind[1]}
        return report


class TransferTool(Tool):
    name = "transfer_tool"
    releases = [("0.2.0", 400), ("0.3.0", 120), ("0.3.1", 75), ("0.3.2", 30), ("0.4.0", 6)]
    regions = ["aws:us-east-1", "aws:us-west-2", "aws:eu-central-1", "azure:eastus", "gcp:us-central1", "other"]

    def fill(self, report, person, status):
        command = pick([("cp", 0.7), ("sync", 0.3)])[0]
        arguments = [command, "<path>", "<path>"]
        if RANDOM.random() < 0.4:
            arguments.append("--recursive")
        if RANDOM.random() < 0.25:
            arguments.append(f"--max-instances={RANDOM.choice([1, 2, 4, 8])}")
        report["command"] = {"name": command, "arguments": arguments}
        report["seconds"] = RANDOM.lognormvariate(2.6, 1.5)
        report["fields"] = {"source_region": RANDOM.choices(self.regions, [5, 3, 2, 2, 1, 4])[0],
                            "destination_region": RANDOM.choices(self.regions, [2, 2, 3, 1, 3, 5])[0],
                            "compressed": RANDOM.random() < 0.3}
        if status == "ok":
            report["fields"]["throughput_gbps"] = round(RANDOM.lognormvariate(0.4, 0.9), 3)
        report["counters"] = {"blocks": int(RANDOM.lognormvariate(5, 2)) + 1}
        if RANDOM.random() < 0.2:
            report["counters"]["retries"] = RANDOM.randrange(1, 9)


class StripeCaller(Tool):
    name = "stripe_caller"
    releases = [("1.0.0", 400), ("1.1.0", 60), ("1.1.1", 21)]

    def fill(self, report, person, status):
        report["command"] = {"name": pick([("call", 0.6), ("plot", 0.25), ("view", 0.15)])[0],
                             "arguments": ["<path>", "--threads=<int>"]}
        report["seconds"] = RANDOM.lognormvariate(4, 1.1)
        report["fields"] = {"input_format": RANDOM.choices(["cool", "mcool", "hic"], [3, 5, 4])[0],
                            "bins": int(RANDOM.lognormvariate(9, 1)), "region": hex_id(RANDOM.randrange(900)) * 2}
        report["counters"] = {"stripes": int(RANDOM.lognormvariate(6, 1))}
        names, at = ["load", "detect", "annotate", "write"], 0.0
        stop = len(names) if status == "ok" else RANDOM.randrange(1, len(names) + 1)
        for index, name in enumerate(names[:stop]):
            seconds = report["seconds"] * [0.2, 0.5, 0.2, 0.1][index]
            failed = status != "ok" and index == stop - 1
            report["stages"].append({"name": name, "at_s": round(at, 3), "duration_s": round(seconds, 3),
                                     "status": "failed" if failed else "ok", "fields": {}})
            at += seconds
        if RANDOM.random() < 0.15:
            report["events"].append({"name": "cache_miss", "at_s": round(report["seconds"] * RANDOM.random(), 3),
                                     "fields": {}})


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else sys.exit(__doc__)
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 180
    tools = [TransferTool(max(count // 60, 20), days), StripeCaller(max(count // 150, 10), days)]
    for number in range(count):
        print(json.dumps(RANDOM.choices(tools, [7, 3])[0].report(number), separators=(",", ":")))


if __name__ == "__main__":
    main()
