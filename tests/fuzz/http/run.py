#!/usr/bin/env python3
"""Sends reports to a server that answers at random (hostile.py), by both transports, and sees that nobody is harmed.

usage: run.py SECONDS PROGRAM [CURL-PROGRAM] [--seed N] [--rounds N]

PROGRAM is tests/programs/reporter, CURL-PROGRAM the same built with USAGE_STATS_NO_HTTPLIB. Each round has its own seed,
which is printed where something is wrong; `--seed N --rounds 1` runs that round again. In each round some reports wait;
uploaders are started by hand until they have come to nothing new, the pauses being taken away in between. Then

- no process has crashed, said anything, or had more than 64 MiB;
- no report has come again that a proper answer had acknowledged or refused;
- none is gone that was neither acknowledged nor refused nor stopped, as far as the answers were clear.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

import hostile

MOST_KIB = 64 * 1024
REPORTS = 6
STARTS = 4  # of uploaders in a round: fewer than a report has tries


class Server:
    """Answers each request at random, and keeps a record of (key, answer)."""

    def __init__(self, seed, context, curl):
        self.rng, self.context, self.lock = random.Random(seed), context, threading.Lock()
        self.early_is_unclear = context or curl
        self.record, self.threads, self.done = [], [], False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.port = self.listener.getsockname()[1]
        self.threads.append(threading.Thread(target=self.accept, daemon=True))
        self.threads[0].start()

    def accept(self):
        while not self.done:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            thread.start()

    def next_answer(self):
        with self.lock:
            return hostile.answer(self.rng)

    def serve(self, connection):
        connection.settimeout(15)
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep = True
            while keep and not self.done:
                answer = self.next_answer()
                key = None if answer.before_request else self.read_request(connection)
                if key is None and not answer.before_request:
                    break
                entry = [key, answer.kind, hostile.UNCLEAR if answer.verdict == hostile.ACKNOWLEDGED else answer.verdict]
                with self.lock:
                    self.record.append(entry)
                    # In TLS nobody can tell it from the end of the handshake; curl may take it for the next one's.
                    if answer.early and self.early_is_unclear:
                        self.record.append([None, "an answer too early", hostile.UNCLEAR])
                for piece in answer.pieces:
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    else:
                        time.sleep(piece)
                entry[2] = answer.verdict
                keep = answer.keep
                if answer.reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    @staticmethod
    def read_request(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields.get(b"content-length", 0)):
            more = connection.recv(65536)
            if not more:
                return None
            body += more
        return fields.get(b"idempotency-key", b"").strip().decode()

    def close(self):
        self.done = True
        self.listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts; close() alone does not
        self.listener.close()


class Home:
    """A home folder of its own, with a waiting report of which others are made."""

    def __init__(self, program, folder, certificate):
        self.program, self.folder = program, pathlib.Path(folder)
        self.environment = {"HOME": folder, "PATH": "/usr/bin:/bin", "TMPDIR": folder,
                            "XDG_STATE_HOME": folder + "/state", "XDG_CONFIG_HOME": folder + "/config",
                            "REPORTER_USAGE_STATS_ENABLED": "1", "SSL_CERT_FILE": certificate,
                            "CURL_CA_BUNDLE": certificate}
        self.usage = self.folder / "state/reporter/usage"
        self.start(["--url", "http://127.0.0.1:9/", "--delivery", "wait", "--wait-limit", "15000", "--field"])
        (self.name,) = [path.name for path in (self.usage / "pending").iterdir()]
        self.state = json.loads((self.usage / "state.json").read_text())
        self.client = self.state["client_id"]
        self.report = (self.usage / self.client / self.name / "usage_stats.json").read_text()
        self.envelope = (self.usage / "pending" / self.name).read_text()
        first, self.running = self.envelope.split("\n", 1)
        self.first = json.loads(first)
        self.first.pop("host")  # which goes with the session

    def start(self, arguments=(), **more):
        """Runs the program; its exit code, what it said, and the most memory that it or its curl had."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen([self.program, *arguments], env={**self.environment, **more}, cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            return process.returncode, said.read(), usage.ru_maxrss

    def prepare(self, url, protocol):
        for folder in ("pending", "active", self.client):
            shutil.rmtree(self.usage / folder, ignore_errors=True)
            (self.usage / folder).mkdir(mode=0o700)
        for number in range(1, REPORTS + 1):
            name = f"{number:032x}"
            session = self.usage / self.client / name
            session.mkdir(mode=0o700)
            (session / "usage_stats.json").write_text(self.report.replace(self.name, name))
            self.write_envelope(name, {"url": url, "protocol": protocol, "attempts": 0, "not_before": 0})
        self.forget_pauses(fresh=True)

    def write_envelope(self, name, destination):
        first = {**self.first, "session_id": name, "destinations": [destination]}
        text = json.dumps(first, separators=(",", ":")) + "\n" + self.running.replace(self.name, name)
        (self.usage / "pending" / name).write_text(text)

    def forget_pauses(self, fresh=False):
        state = self.state if fresh else json.loads((self.usage / "state.json").read_text())
        state["backoff"] = {}
        (self.usage / "state.json").write_text(json.dumps(state))
        for path in (self.usage / "pending").iterdir():
            (destination,) = json.loads(path.read_text().split("\n", 1)[0])["destinations"]
            self.write_envelope(path.name, {**destination, "not_before": 0})

    def waiting(self):
        return {path.name for path in (self.usage / "pending").iterdir() if not path.name.startswith(".")}


def check(problems, home, server, started):
    for what, code, said, memory in started:
        if code != 0 or said:
            problems.append(f"{what} ended with {code} and said {said[:200]!r}")
        if memory > MOST_KIB:
            problems.append(f"{what} had {memory} KiB")
    final, answered_too_early = {}, False
    for key, kind, verdict in server.record:
        if key in final:
            problems.append(f"{key} came again, {kind}, after it was {final[key]}")
        if key and verdict in (hostile.ACKNOWLEDGED, hostile.REFUSED) and not answered_too_early:
            final[key] = verdict
        answered_too_early = key is None  # what came before is taken for the next one's answer
    verdicts = {verdict for _, _, verdict in server.record}
    stopped = hostile.STOPPED in verdicts
    waiting = home.waiting()
    for number in range(1, REPORTS + 1):
        name = f"{number:032x}"
        mine = [entry for entry in server.record if entry[0] and entry[0].startswith(name)]
        clear = all(entry[2] == hostile.WAITS for entry in mine)
        # An answer that came before its question belongs to nobody, or to any of them.
        if clear and not stopped and name not in waiting and all(entry[0] for entry in server.record):
            problems.append(f"{name} is gone, though the server said {[entry[1] for entry in mine]}")


def play(seed, home, name, context):
    rng = random.Random(seed)
    tls = context if context and rng.random() < 0.35 else None
    server = Server(seed, tls, curl="curl" in name)
    url = f"https://localhost:{server.port}/v1" if tls else f"http://127.0.0.1:{server.port}/v1"
    home.prepare(url, rng.choice(["json", "json", "otlp"]))
    started, problems = [], []
    for _ in range(STARTS):
        if not home.waiting():
            break
        if rng.random() < 0.15:  # a host that sends by itself, and adds a report of its own
            arguments = ["--url", url, "--delivery", "in_process", "--wait-limit", "1500"]
            started.append(("the host", *home.start(arguments)))
        else:
            started.append(("the uploader", *home.start(USAGE_STATS_UPLOADER=str(home.usage),
                                                        USAGE_STATS_UPLOADER_STAY_MS="0")))
        home.forget_pauses()
    server.close()
    check(problems, home, server, started)
    for problem in problems:
        print(f"--seed {seed} ({name}, {'https' if tls else 'http'}): {problem}")
    if problems:
        for entry in server.record:
            print("   ", *entry)
    return len(server.record), not problems, max((entry[3] for entry in started), default=0)


def certificate_in(folder):
    """A certificate for localhost, or nothing where there is no openssl."""
    if not shutil.which("openssl"):
        return None
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
                    "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
    return context


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float)
    parser.add_argument("program", nargs="+", type=os.path.abspath)
    parser.add_argument("--seed", type=int, default=int(time.time()) * 1000)
    parser.add_argument("--rounds", type=int, default=10**9)
    options = parser.parse_args()
    end, rounds, requests, bad, most = time.monotonic() + options.seconds, 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        context = certificate_in(folder)
        if not context:
            print("without openssl: no https")
        homes = []
        for number, program in enumerate(options.program):
            os.mkdir(f"{folder}/{number}")
            homes.append(Home(program, f"{folder}/{number}", folder + "/cert.pem"))
        while time.monotonic() < end and rounds < options.rounds:
            for home in homes:
                count, good, memory = play(options.seed + rounds, home, pathlib.Path(home.program).name, context)
                requests, bad, most = requests + count, bad + (not good), max(most, memory)
            rounds += 1
    print(f"{rounds} rounds from --seed {options.seed}, {requests} answers, at most {most} KiB: "
          f"{'nothing found' if not bad else f'{bad} FOUND SOMETHING'}")
    return 1 if bad or not requests else 0


if __name__ == "__main__":
    sys.exit(main())
