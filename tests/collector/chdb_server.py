#!/usr/bin/env python3
"""usage: chdb_server.py COMMAND...

Runs a command with USAGE_STATS_CLICKHOUSE set to a server that answers as ClickHouse over HTTP does, by the Python package
chdb: for the tests of the collector, with a newer ClickHouse than Debian's.
"""
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import urllib.parse

from chdb import session

LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        parameters = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        statement = parameters.get("query", [""])[0].encode()
        statement = statement + b"\n" + body if statement else body
        try:
            with LOCK:
                if "database" in parameters:
                    SESSION.query("USE " + parameters["database"][0])
                result = SESSION.query(statement.decode(), "TabSeparated")
                status, answer = 200, bytes(result.bytes() or b"") if result is not None else b""
        except Exception as error:  # as ClickHouse does: the reason is the body
            status, answer = 500, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


with tempfile.TemporaryDirectory() as folder:
    SESSION = session.Session(folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["USAGE_STATS_CLICKHOUSE"] = f"http://127.0.0.1:{server.server_port}"
        code = subprocess.run(sys.argv[1:], check=False).returncode
        server.shutdown()
    SESSION.close()
sys.exit(code)
