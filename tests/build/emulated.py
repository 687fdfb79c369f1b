#!/usr/bin/env python3
"""Runs the program `reporter` in an emulator: its report is delivered, valid, and says what it does elsewhere.

usage: emulated.py QEMU|native REPORTER

In an emulator the program sends from its own process: the uploader is the program once more, which the kernel cannot
execute where it is for another processor, unless binfmt_misc knows the emulator. And a 32-bit program's memory lies
elsewhere in the emulator than it says, so that the program's own words are not found, and a text is left out.
"""
import hashlib
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

VALIDATE = pathlib.Path(__file__).resolve().parents[1] / "support" / "validate_reports.py"
FIELDS = {"verified": True, "records": 42, "throughput_gbps": 3.2, "input_format": "mcool"}


class Handler(http.server.BaseHTTPRequestHandler):
    bodies = []

    def do_POST(self):
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"emulated.py: {sys.argv[1]}: {what} is {found!r}, not {wanted!r}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    qemu, reporter = sys.argv[1:]
    native = qemu == "native"
    has_words = native or pathlib.Path(reporter).read_bytes()[4] == 2  # an ELF file of 64 bits
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "PATH": "/usr/bin:/bin", "REPORTER_USAGE_STATS_ENABLED": "1"}
        arguments = ["--url", url, "--delivery", "wait" if native else "in_process", "--wait-limit", "20000",
                     "--client-id", "install", "--field", "--exit", "3"]
        command = [reporter] if native else [qemu, reporter]
        ended = subprocess.run([*command, *arguments], env=environment, capture_output=True, timeout=120)
        check("the exit code", (ended.returncode, ended.stdout, ended.stderr), (3, b"", b""))
        files = list(pathlib.Path(home).rglob("usage_stats.json"))
        check("the number of reports", (len(files), len(Handler.bodies)), (1, 1))
        text = files[0].read_bytes()
        state = json.loads(next(pathlib.Path(home).rglob("state.json")).read_text())
    check("what was sent", json.loads(Handler.bodies[0]), json.loads(text))
    if subprocess.run([sys.executable, VALIDATE, "-"], input=text).returncode != 0:
        sys.exit(1)
    report = json.loads(text)
    fields = report["fields"]
    check("the hash", fields.pop("project"),
          hashlib.sha256((report["client_id"] + "secret project").encode()).hexdigest())
    check("the note", fields.pop("note", None), "a few plain words" if has_words else None)
    check("the rest of the fields", fields, FIELDS)
    check("the client id", report["client_id"], state["client_id"])
    print(f"{qemu}: a valid report, sent and received; arch {report['system']['arch']}")


if __name__ == "__main__":
    main()
