#!/usr/bin/env python3
"""Holds reports to docs/report.schema.json.

usage: validate_reports.py FOLDER   every *.json in the folder; there must be some
       validate_reports.py -        one report from standard input
"""
import json
import pathlib
import sys

import jsonschema

SCHEMA = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "report.schema.json"


def problems(validator, text):
    try:
        report = json.loads(text.decode("utf-8"), parse_constant=lambda name: sys.exit(f"{name} is not JSON"))
    except ValueError as error:
        return [f"not JSON: {error}"]
    found = sorted(validator.iter_errors(report), key=lambda error: list(map(str, error.absolute_path)))
    return [f"/{'/'.join(map(str, error.absolute_path))}: {error.message}"[:300] for error in found]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    checker = jsonschema.validators.validator_for(schema)
    checker.check_schema(schema)
    validator = checker(schema)
    if sys.argv[1] == "-":
        texts = [("report", sys.stdin.buffer.read())]
    else:
        texts = [(path.name, path.read_bytes()) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json"))]
    bad = 0
    for name, text in texts:
        found = problems(validator, text)
        bad += bool(found)
        for problem in found:
            print(f"{name}: {problem}")
        if found:
            print(text.decode("utf-8", "replace"))
    if not texts:
        print(f"no report in {sys.argv[1]}: nothing was validated")
        return 1
    print(f"{len(texts) - bad} reports are valid, {bad} are not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
