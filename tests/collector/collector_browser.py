#!/usr/bin/env python3
"""usage: tests/collector/collector_browser.py COLLECTOR [FOLDER]

Hostile reports in a usage-stats-collector, and all of its pages in a real Chromium: wide and narrow, light, dark and as
printed. No script may run or be there, no request may go elsewhere, nothing may be wider than the window. With FOLDER,
pictures of all pages are left there.
"""
import base64
import datetime
import http.server
import json
import os
import pathlib
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SECONDS = 20  # that any single thing may take
TABS = ["", "endings", "durations", "own"]
WINDOWS = [(1120, "light"), (1120, "dark"), (420, "light"), (420, "dark")]
# Runs in the page's own world, where the page's policy holds for the page alone.
PROBE = """(() => {
  const handlers = [], wide = [], visible = document.body.innerText;
  const addresses = [];
  for (const element of document.querySelectorAll('*')) {
    for (const {name, value} of element.attributes) {
      if (name.toLowerCase().startsWith('on') || name === 'style' || /^\\s*(javascript|data|vbscript):/i.test(value))
        handlers.push(element.tagName + ' ' + name);
      if (['src', 'href', 'action', 'xlink:href', 'srcset', 'poster', 'data', 'ping'].includes(name.toLowerCase()))
        addresses.push(new URL(value, document.baseURI).origin);
    }
    const box = element.getBoundingClientRect();
    const scrolls = element.closest('.scroll') && !element.classList.contains('scroll');
    if (box.right > window.innerWidth + 1 && !scrolls && !element.closest('pre') && box.width > 0)
      wide.push(element.tagName + ' ' + element.className + ' ' + Math.round(box.right) + ' ' +
                element.textContent.slice(0, 40));
  }
  // Texts of a picture that stand out of it, or over each other.
  const clipped = [], overlapping = [];
  for (const picture of document.querySelectorAll('svg')) {
    const outer = picture.getBoundingClientRect(), texts = [...picture.querySelectorAll('text')];
    const boxes = texts.map(text => text.getBoundingClientRect());
    boxes.forEach((box, i) => {
      if (box.left < outer.left - 1 || box.right > outer.right + 1) clipped.push(texts[i].textContent);
      for (let j = i + 1; j < boxes.length && j < i + 40; ++j) {
        const other = boxes[j];
        if (Math.min(box.right, other.right) - Math.max(box.left, other.left) > 1 &&
            Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 4)
          overlapping.push(texts[i].textContent + ' | ' + texts[j].textContent);
      }
    });
  }
  const names = [...new Set([...document.querySelectorAll('*')].map(element => element.tagName.toLowerCase()))];
  return {handlers, wide, clipped, overlapping, names, origins: [...new Set(addresses)],
          width: document.documentElement.scrollWidth, window: window.innerWidth, height: document.documentElement.scrollHeight,
          bidi: (document.documentElement.outerHTML.match(/[\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]/g) || []).length,
          text: visible, background: getComputedStyle(document.body).backgroundColor, ran: window.hacked === true};
})()"""
ALLOWED = set("html head meta title link body header h1 h2 h3 p a nav div span b section svg rect line path circle text g "
              "details summary table thead tbody tr th td pre ul li footer style".split())


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A server to which nobody has any business to talk."""
    seen = []

    def do_GET(self):
        Elsewhere.seen.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_):
        pass


def hostile_words(where):
    """Each is harmful somewhere, and each has its own name in what it asks for."""
    return [
        f'<script src="{where}/script.js"></script><script>window.hacked=true</script>',
        f'"><img src={where}/image.png onerror="window.hacked=true">',
        f"'><svg onload=window.hacked=true><style>@import url({where}/import.css)</style>",
        f'</style><style>body{{background:url({where}/css.png)}}</style>',
        f'</svg></title></textarea><link rel=stylesheet href={where}/link.css>',
        f']]><![CDATA[<iframe src="{where}/frame"></iframe>',
        "&#60;script&#62;window.hacked=true&#60;/script&#62; &lt;b&gt; &amp;#x3c;",
        f'<base href="{where}/"><meta http-equiv="refresh" content="0;url={where}/refresh">',
        "\u202egnp.exe\u202c \u2066\u200f\u0590\u05d0\u05d1 \u200b\u00ad\ufeff",
        "javascript:window.hacked=true//" + "W" * 200,
        "line\nbreak\ttab\u0000nul\u0001\u001b[31m",
        f"=HYPERLINK(\"{where}/sheet\")",
        "\U0001f9ea" * 40,
        "<!-- " + "-" * 200,
    ]


def report(number, client, word, now):
    """Report v1, with the word wherever the schema lets it through."""
    short = word.encode()[:256].decode(errors="ignore")
    # Versions are printable ASCII of at most 64 bytes; names of programs and fields are plain anyway.
    version = re.sub(r"[^ -~]", "?", word)[:64] or "0"
    stamp = (now - datetime.timedelta(days=number % 30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "schema": "usage-stats/1", "client_id": f"{client:032x}", "session_id": f"{number:032x}", "sequence": 1,
        "final": True, "app": {"name": "hostile.tool", "version": version},
        "build": {"compiler": short, "cxx_standard": 17, "type": "release", "dependencies": {}},
        "system": {"os": short, "os_version": short, "kernel": short, "arch": short, "cpus": 4, "memory_gb": 8,
                   "ci": False, "container": False, "interactive": True},
        "command": {"name": short, "arguments": ["--" + short[:200], "<path>"]},
        "started_at": stamp, "ended_at": stamp, "duration_s": 0.5 * (number % 900 + 1),
        "outcome": {"status": "exception", "exit_code": 1, "error": {"type": short, "message": short}},
        "fields": {"said": short, "chosen": short, "number": 0.01 * number, "whole": number, "yes": True},
        "counters": {"counted": number}, "events": [{"name": "happened", "at_s": 0.1, "fields": {"inner": short}}],
        "stages": [{"name": "step", "at_s": 0.1, "duration_s": 0.2, "status": "failed", "fields": {}}],
        "delivery": {"sent": 1, "failed": 0, "dropped": 0}}


def description(word):
    """What a program says of itself: its author's words, but who knows."""
    kinds = {"said": "text", "chosen": "choice", "number": "number", "whole": "integer", "yes": "boolean",
             "counted": "counter", "happened": "event", "step": "stage"}
    return {"app": "hostile.tool", "version": "1", "declared": [
        {"name": name, "kind": kind, "description": word, "choices": [word] if kind == "choice" else []}
        for name, kind in kinds.items()]}


class Collector:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen([program, "serve", "--port", "0", "--pages-port", "0", "--database",
                                         str(folder / "usage.db")], stdout=self.log, stderr=subprocess.STDOUT)
        until = time.monotonic() + SECONDS
        while "pages are at" not in self.said():
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit("the collector does not serve: " + self.said())
            time.sleep(0.02)
        self.reports = re.search(r"received at (\S+)", self.said())[1]
        self.pages = re.search(r"pages are at (\S+)", self.said())[1]

    def said(self):
        return (self.folder / "log").read_text()

    def post(self, body):
        request = urllib.request.Request(self.reports, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            assert answer.status == 201, answer.status

    def command(self, *words, stdin=""):
        return subprocess.run([self.program, *words, "--database", str(self.folder / "usage.db")], input=stdin, text=True,
                              check=True, stdout=subprocess.PIPE, timeout=60).stdout

    def stop(self):
        self.process.terminate()
        self.process.wait(SECONDS)


class Browser:
    """Chromium's DevTools through its pipe: JSON messages that end with NUL, on descriptors 3 and 4."""

    def __init__(self, folder):
        to_browser, self.writing = os.pipe()
        self.reading, from_browser = os.pipe()
        command = (f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"')
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                   "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                   f"--user-data-dir={folder}/profile"]
        self.log = open(folder / "browser", "w")
        self.process = subprocess.Popen(["bash", "-c", command, "bash", "chromium", *options, "about:blank"],
                                        pass_fds=(to_browser, from_browser), stdout=self.log, stderr=subprocess.STDOUT)
        os.close(to_browser)
        os.close(from_browser)
        self.rest, self.number, self.session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")

    def receive(self):
        while b"\0" not in self.rest:
            got = os.read(self.reading, 1 << 20)
            if not got:
                sys.exit("Chromium has ended")
            self.rest += got
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def open(self, address, width, scheme, media=""):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.navigate(address)
        return self.evaluate(PROBE)

    def navigate(self, address):
        self.events = []
        self.call("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"]["value"]

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        return [event["params"]["entry"]["text"] for event in self.events if event.get("method") == "Log.entryAdded"]

    def picture(self, path, height):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": self.width(), "height": min(height, 6000), "scale": 1})
        path.write_bytes(base64.b64decode(shot["data"]))

    def width(self):
        return self.evaluate("window.innerWidth")

    def stop(self):
        os.close(self.writing)
        self.process.terminate()
        self.process.wait(SECONDS)


class Checks:
    def __init__(self):
        self.failed = self.count = 0

    def __call__(self, holds, *what):
        self.count += 1
        if not holds:
            self.failed += 1
            if self.failed <= 20:
                print("FAILED:", *[str(part)[:600] for part in what])


def check_page(check, browser, address, own, width, scheme, media=""):
    found = browser.open(address, width, scheme, media)
    name = f"{address}, {width} px, {scheme} {media}".strip()
    check(not found["ran"], name, "a script has run")
    check(set(found["names"]) <= ALLOWED, name, "has", set(found["names"]) - ALLOWED)
    check(not found["handlers"], name, "has handlers", found["handlers"])
    check(set(found["origins"]) <= {own}, name, "leads to", found["origins"])
    check(found["width"] <= found["window"], name, "is wider than its window:", found["width"], found["wide"][:6])
    check(not found["wide"], name, "has something that stands out:", found["wide"][:6])
    check(not found["clipped"], name, "clips", found["clipped"][:6])
    check(not found["overlapping"], name, "has texts over each other:", found["overlapping"][:6])
    check(found["bidi"] == 0, name, "lets text turn around")
    check(all(url.startswith(own + "/") for url in browser.requests()), name, "asks for", browser.requests())
    check(not browser.complaints(), name, "makes the browser complain:", browser.complaints()[:4])
    if media == "":
        rgb = [int(part) for part in re.findall(r"\d+", found["background"])][:3]
        check((sum(rgb) < 200) == (scheme == "dark"), name, "is on", found["background"])
    return found


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    kept = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="collector_browser."))
    elsewhere = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
    collector = browser = None
    try:
        collector, browser = Collector(sys.argv[1], folder), Browser(folder)
        check = Checks()
        run(check, collector, browser, f"http://127.0.0.1:{elsewhere.server_address[1]}", kept)
    finally:
        for running in (browser, collector):
            if running:
                running.stop()
        elsewhere.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{check.count} checks, {check.failed} failed")
    return 1 if check.failed else 0


def run(check, collector, browser, where, kept):
    own = collector.pages.rstrip("/")
    check_page(check, browser, collector.pages, own, 420, "light")
    now = datetime.datetime.now(datetime.timezone.utc)
    words = hostile_words(where)
    reports = [report(number, number // len(words), words[number % len(words)], now) for number in range(len(words) * 8)]
    for body in reports[:3]:
        collector.post(body)
    # Lines count on the day on which their run ended, so that there are finished weeks to publish.
    collector.command("import", "-", stdin="".join(json.dumps(body) + "\n" for body in reports[3:]))
    for word in (None, words[0], words[1] * 8):
        if word:
            collector.command("describe", "add", "-", stdin=json.dumps(description(word)))
        for tab in TABS if word is None else ["own"]:
            for width, scheme in WINDOWS:
                found = check_page(check, browser, f"{own}/app/hostile.tool/{tab}", own, width, scheme)
                if kept:
                    browser.picture(kept / f"{tab or 'use'}_{width}_{scheme}.png", found["height"])
                if word is None and tab == "endings":
                    check("<script src=" in found["text"], "the hostile words are not even shown")
            check_page(check, browser, f"{own}/app/hostile.tool/{tab}", own, 720, "light", "print")
    check_page(check, browser, collector.pages, own, 420, "light")
    check_pictures(check, browser, own)
    check_site(check, collector, browser, kept)
    check(not Elsewhere.seen, "somebody was asked for", Elsewhere.seen)


def check_pictures(check, browser, own):
    """Each chart as a file of its own, which a browser shows as a document."""
    for chart in ("commands", "systems", "versions", "endings", "field-chosen", "options", "duration-histogram"):
        address = f"{own}/app/hostile.tool/chart/{chart}.svg"
        browser.navigate(address)
        found = browser.evaluate("""(() => ({
          root: document.documentElement.tagName, ran: window.hacked === true,
          names: [...new Set([...document.querySelectorAll('*')].map(e => e.tagName))],
          handlers: [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(
            a => a.name.startsWith('on') || a.name.includes('href'))).length}))()""")
        check(found["root"] == "svg" and not found["ran"] and found["handlers"] == 0, address, found)
        check(set(found["names"]) <= {"svg", "style", "rect", "line", "path", "circle", "text", "g", "title"}, address,
              found["names"])
        check(browser.requests() == [address], address, "asks for", browser.requests())


def check_site(check, collector, browser, kept):
    """What publish writes, from files, where no header can protect it."""
    folder = collector.folder / "site"
    collector.command("publish", str(folder))
    for page in sorted(folder.rglob("*.html")):
        address = page.as_uri()
        found = browser.open(address, 420, "light")
        check(not found["ran"] and not found["handlers"], address, "runs", found["handlers"])
        check(set(found["names"]) <= ALLOWED, address, "has", set(found["names"]) - ALLOWED)
        check(found["width"] <= found["window"] and not found["wide"], address, "is too wide:", found["wide"][:6])
        check(all(url.startswith("file:") for url in browser.requests()), address, "asks for", browser.requests())
        if kept:
            browser.picture(kept / f"site_{page.parent.name}.png", found["height"])


if __name__ == "__main__":
    sys.exit(main())
