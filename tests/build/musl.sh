#!/usr/bin/env bash
# A static program against musl, which runs, reports, and is started again as its own uploader. Debian has musl but no
# C++ library for it; zig, from PyPI, brings both.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$PWD/build/ci/musl
mkdir -p "$work/include"
if ! { [[ -x $work/zig/bin/python ]] || python3 -m venv "$work/zig"; } >"$work/log" 2>&1 ||
  ! "$work/zig/bin/pip" install -q ziglang==0.13.0 >>"$work/log" 2>&1; then
  echo "SKIPPED: Debian has no C++ library for musl, and zig cannot be had from PyPI: $(tail -n 1 "$work/log")"
  exit 77
fi
# Apart from the headers of glibc that lie beside it.
cp -rL /usr/include/nlohmann "$work/include"
export ZIG_GLOBAL_CACHE_DIR=$work/cache
zig=("$work/zig/bin/python" -m ziglang c++ -target x86_64-linux-musl -std=c++17 -O1)
compile() {
  "${zig[@]}" -Wall -Wextra -DUSAGE_STATS_NO_HTTPLIB -Iinclude -isystem "$work/include" \
    -c "tests/programs/units/$1.cpp" -o "$work/$1.o"
}
compile main &
compile elsewhere
wait $!
"${zig[@]}" -static "$work/main.o" "$work/elsewhere.o" -o "$work/units"

python3 - "$work/units" <<'PYTHON'
import http.server
import json
import subprocess
import sys
import tempfile
import threading

bodies = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory() as home:
    on = {app + "_USAGE_STATS_ENABLED": "1" for app in ("UNITS", "ELSEWHERE")}
    done = subprocess.run([sys.argv[1], f"http://127.0.0.1:{server.server_port}/"], capture_output=True, timeout=120,
                          env={"HOME": home, "PATH": "/usr/bin:/bin", **on})
apps = sorted(body["app"]["name"] for body in bodies)
print(f"exit code {done.returncode}, reports of {apps}")
if done.returncode != 7 or done.stderr or apps != ["elsewhere", "units"]:
    sys.exit(f"musl: expected 7 and two reports; {done.stdout} {done.stderr}")
PYTHON
