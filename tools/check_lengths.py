#!/usr/bin/env python3
"""Finds what is too long to be read at once: files of more than 400 lines, functions of more than 45.

A function is told by the layout that clang-format gives it: from a line that ends with "{" and has a parameter list to
the first brace at its own indentation.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOST_LINES, MOST_IN_A_FUNCTION = 400, 45
NO_FUNCTION = re.compile(r"(if|for|while|switch|else|do|namespace|class|struct|enum|union|extern|try|catch|case|default|\})\b")


def indentation(line):
    return len(line) - len(line.lstrip())


def functions(lines):
    """Where each function begins, and how many lines it has between its braces."""
    for first, line in enumerate(lines):
        text = line.strip()
        if not text.endswith("{") or "(" not in text or NO_FUNCTION.match(text) or text.startswith("}"):
            continue
        for last in range(first + 1, len(lines)):
            if lines[last].lstrip().startswith("}") and indentation(lines[last]) <= indentation(line):
                yield first + 1, text, last - first - 1
                break


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.?pp", "*.inl", "*.c"],
                            cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.split() if not name.startswith("single_include/")]
    complaints = 0
    for name in files:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        if len(lines) > MOST_LINES:
            print(f"{name} has {len(lines)} lines")
            complaints += 1
        for number, text, count in functions(lines):
            if count > MOST_IN_A_FUNCTION:
                print(f"{name}:{number}: {count} lines: {text}")
                complaints += 1
    print(f"{len(files)} files, {complaints} times too long")
    return 1 if complaints or not files else 0


if __name__ == "__main__":
    sys.exit(main())
