#!/usr/bin/env python3
"""Compares what a collector has understood with the reports that lie in the usage folder.

usage: compare.py UNDERSTOOD USAGE_FOLDER

UNDERSTOOD is what the collector's file exporter wrote. Nothing here knows how the library makes a request: the rules
are those of docs/protocol.md, read once more.
"""
import datetime
import json
import pathlib
import sys
import time

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def plain(value):
    """The Python value of OTLP's AnyValue."""
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [plain(item) for item in inner.get("values", [])]
    return int(inner) if kind == "intValue" else inner


def attributes(owner):
    pairs = [(pair["key"], plain(pair["value"])) for pair in owner.get("attributes", [])]
    assert len(dict(pairs)) == len(pairs), f"a key stands twice: {pairs}"
    return dict(pairs)


def nanoseconds(report, seconds):
    start = datetime.datetime.strptime(report["started_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    microseconds = (start - epoch) // datetime.timedelta(microseconds=1) + round(seconds * 1e6)
    return str(microseconds * 1000)


def named(prefix, values):
    return {prefix + name: value for name, value in values.items()}


def expected_resource(report):
    system, build = dict(report["system"]), dict(report["build"])
    name, _, version = system["os_version"].rpartition(" ")
    wanted = {
        "service.name": report["app"]["name"],
        "service.version": report["app"]["version"],
        "service.instance.id": report["session_id"],
        "telemetry.sdk.name": "usage_stats",
        "telemetry.sdk.language": "cpp",
        "usage_stats.schema": report["schema"],
        "usage_stats.client_id": report["client_id"],
        "os.type": {"macos": "darwin"}.get(system["os"], system["os"]),
        "os.description": system["os_version"],
        "os.name": name,
        "os.version": version,
        "host.arch": ARCHITECTURES.get(system["arch"], system["arch"]),
    }
    wanted.update(named("usage_stats.dependency.", build.pop("dependencies")))
    wanted.update(named("usage_stats.build.", build))
    del system["os"], system["os_version"]
    wanted.update(named("usage_stats.", system))
    return wanted


def expected_root(report):
    outcome = report["outcome"]
    wanted = {"usage_stats.status": outcome["status"]}
    if "exit_code" in outcome:
        wanted["process.exit.code"] = outcome["exit_code"]
    for name in ("sequence", "ended_at", "duration_s"):
        wanted["usage_stats." + name] = report[name]
    wanted.update(named("usage_stats.command.", report["command"]))
    wanted.update(named("usage_stats.field.", report["fields"]))
    wanted.update(named("usage_stats.counter.", report["counters"]))
    wanted.update(named("usage_stats.delivery.", report["delivery"]))
    return wanted


def expected_events(report):
    wanted = [
        (event["name"], nanoseconds(report, event["at_s"]), named("usage_stats.field.", event["fields"]))
        for event in report["events"]
    ]
    error = report["outcome"].get("error")
    if error:
        about = {"exception.type": error["type"], "exception.message": error["message"]}
        about["usage_stats.cause.types"] = [cause["type"] for cause in error["causes"]]
        about["usage_stats.cause.messages"] = [cause.get("message", "") for cause in error["causes"]]
        wanted.append(("exception", nanoseconds(report, report["duration_s"]), about))
    return wanted


def events_of(span):
    return [(event["name"], event["timeUnixNano"], attributes(event)) for event in span.get("events", [])]


def times(span):
    return span["startTimeUnixNano"], span["endTimeUnixNano"]


def check_session(report, resource, spans):
    found = attributes(resource)
    found.pop("telemetry.sdk.version")
    same(found, expected_resource(report), "resource")
    ids = [span["spanId"] for span in spans]
    assert len(set(ids)) == len(ids) and all(len(i) == 16 and i.strip("0") for i in ids), ids
    same({span["traceId"] for span in spans}, {report["session_id"]}, "trace ids")
    same({span["kind"] for span in spans}, {1}, "kinds")

    (root,) = [span for span in spans if not span.get("parentSpanId")]
    status = report["outcome"]["status"]
    same(root["name"], report["command"].get("name", report["app"]["name"]), "name")
    same(times(root), (nanoseconds(report, 0), nanoseconds(report, report["duration_s"])), "times")
    same(root["status"]["code"], 1 if status == "ok" else 2, "status")
    message = {"ok": "", "failed": f"exit code {report['outcome'].get('exit_code')}"}
    error = report["outcome"].get("error", {})
    same(root["status"].get("message", ""), message.get(status) or "".join(
        [error.get("type", ""), ": " * bool(error), error.get("message", "")]), "status message")
    same(attributes(root), expected_root(report), "attributes")
    same(events_of(root), expected_events(report), "events")

    children = [span for span in spans if span.get("parentSpanId")]
    same([child["parentSpanId"] for child in children], [root["spanId"]] * len(children), "parents")
    same([child["name"] for child in children], [stage["name"] for stage in report["stages"]], "stages")
    for child, stage in zip(children, report["stages"]):
        end = stage["at_s"] + stage["duration_s"]
        same(times(child), (nanoseconds(report, stage["at_s"]), nanoseconds(report, end)), "times of a stage")
        same(child["status"]["code"], {"ok": 1, "failed": 2}[stage["status"]], "status of a stage")
        about = {"usage_stats.status": stage["status"], **named("usage_stats.field.", stage["fields"])}
        same(attributes(child), about, "attributes of a stage")


def same(found, wanted, what):
    if found != wanted:
        sys.exit(f"{what}: the collector has understood\n  {found}\nwhere the report says\n  {wanted}")


def understood(path, count):
    """The sessions that the collector has written down, by trace id; it writes with some delay."""
    sessions = {}
    for _ in range(200):
        sessions = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            for resource in json.loads(line)["resourceSpans"]:
                spans = [span for scope in resource["scopeSpans"] for span in scope["spans"]]
                sessions[spans[0]["traceId"]] = (resource["resource"], spans)
        if len(sessions) >= count:
            break
        time.sleep(0.1)
    return sessions


def main():
    reports = [json.loads(path.read_text()) for path in pathlib.Path(sys.argv[2]).glob("*/*/usage_stats.json")]
    same(sorted(r["command"].get("name", "") for r in reports), ["", "fail", "ok", "throw"], "the reports' commands")
    sessions = understood(pathlib.Path(sys.argv[1]), len(reports))
    same(set(sessions), {report["session_id"] for report in reports}, "the sessions")
    for report in reports:
        check_session(report, *sessions[report["session_id"]])
    print(f"the collector has understood {len(reports)} sessions as they were reported")


main()
