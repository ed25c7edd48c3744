#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""conformance.py [FILE]: checks Documentation/networking/ltp-conformance.rst.

Every rule has one row, every function it names is where it says, every test
it names exists, and what is required has a test or a reason for having none.
Says FILE:LINE: WHAT, and fails, for all that is wrong.
"""

import os
import re
import sys

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
TABLE = "Documentation/networking/ltp-conformance.rst"

# How many rules each chapter has.
CHAPTERS = {
    "1.": 6, "2.": 10, "3.": 9, "4.": 9, "5.": 16, "6.": 4, "7.": 18, "8.": 17,
    "9.": 6, "10.": 9, "11.": 9, "14.": 6, "17.": 8, "18.S": 19, "18.R": 13,
    "H": 12,
}
LEVELS = ("MUST", "SHOULD", "MAY", "own")
COLUMNS = ["rule", "RFC 5326", "level", "what it says", "where", "shown by"]
EXCUSES = ("Not implemented:", "Not tested:")


class Row:
    """A row of a table: its cells and the lines they begin in."""

    def __init__(self):
        self.cells = []
        self.lines = []

    def begin(self, text, line):
        self.cells.append(text)
        self.lines.append(line)

    def proceed(self, text):
        self.cells[-1] = (self.cells[-1] + " " + text).strip()


def rows(text):
    """Of all list-tables"""
    row = None
    inside = False
    for n, line in enumerate(text.splitlines(), 1):
        if line.startswith(".. list-table::"):
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        if not inside or not line.strip():
            if row:
                yield row
            row = None
            continue
        cell = re.match(r" {3}(\* -|  -)(?: (.*))?$", line)
        if cell and cell[1] == "* -":
            if row:
                yield row
            row = Row()
        if cell and row:
            row.begin((cell[2] or "").strip(), n)
        elif row:
            row.proceed(line.strip())
    if row:
        yield row


class Sources:
    """The files that rows refer to, each read once."""

    def __init__(self):
        self.known = {}

    def text(self, *path):
        """None if there is no such file"""
        name = os.path.join(TOP, *path)
        if name not in self.known:
            try:
                with open(name, encoding="utf-8") as f:
                    self.known[name] = f.read()
            except OSError:
                self.known[name] = None
        return self.known[name]

    def function(self, file, name):
        """What is wrong with FILE:NAME, a function or constant in net/ltp"""
        text = self.text("net/ltp", file)
        if text is None:
            return f"no file net/ltp/{file}"
        word = re.escape(name)
        # Its definition begins a line, and is no prototype.
        if re.search(rf"^[a-z][^;={{}}()]*\b{word}\([^;{{}}]*\)[^;{{}}]*\{{", text, re.M) or \
                re.search(rf"^#define[ \t]+{word}\b", text, re.M):
            return None
        return f"no {name} in net/ltp/{file}"

    def scenario(self, name):
        if self.text("selftests/scenarios", name + ".ltp") is None:
            return f"no scenario {name}"
        return None

    def listed(self, file):
        """What is wrong if a guest does not run it"""
        if file.startswith("unit/") or file.endswith(".py"):
            return None         # run by unit/run.sh, or by the script of its name
        tests = self.text("selftests/tests.list") or ""
        return None if re.search(rf"^{re.escape(file)} ", tests, re.M) else \
            f"{file} is not in tests.list"

    def case(self, file, name):
        """FILE:NAME, a test of a C program, or of a Python one"""
        if file.endswith(".py"):
            text, what = self.text("selftests", file), rf"^def {re.escape(name)}\("
        else:
            text = self.text("selftests", file + ".c")
            what = rf"^TEST(_F)?\((\w+, *)?{re.escape(name)}\)"
        if text is None:
            return f"no test {file}"
        if not re.search(what, text, re.M):
            return f"no {name} in {file}"
        return self.listed(file)

    def check(self, file, name):
        """FILE: NAME, part of what a script's check is called"""
        text = self.text("selftests", file)
        if text is None:
            return f"no test {file}"
        calls = r'"""' if file.endswith(".py") else r"^\s*(check|impaired|skip) "
        for line in text.splitlines():
            if name in line and (re.search(calls, line) or 'print("ok ' in line):
                return self.listed(file)
        return f"no check {name!r} in {file}"

    def test(self, token):
        """What is wrong with the name of a test"""
        found = re.fullmatch(r"scenarios/([\w-]+)", token)
        if found:
            return self.scenario(found[1])
        found = re.fullmatch(r"([\w.-]+\.(?:sh|py)): (.+)", token)
        if found:
            return self.check(found[1], found[2])
        found = re.fullmatch(r"((?:unit/)?[\w.-]+):(\w+)", token)
        if found:
            return self.case(found[1], found[2])
        return f"what is {token!r}?"

    def place(self, token):
        """What is wrong with the name of a function"""
        if ":" not in token:
            return None         # an option or a setting
        found = re.fullmatch(r"([\w.]+\.[ch]):(\w+)", token)
        return self.function(found[1], found[2]) if found else f"what is {token!r}?"


def tokens(cell):
    return re.findall(r"``([^`]+)``", cell)


def excused(*cells):
    """One of them gives a reason."""
    return any(re.search(re.escape(e) + r" \w", c) for e in EXCUSES for c in cells)


def check_row(row, sources, wrong):
    def say(column, what):
        wrong(row.lines[min(column, len(row.lines) - 1)], f"{row.cells[0]}: {what}")

    if len(row.cells) != len(COLUMNS):
        say(0, f"{len(row.cells)} columns, not {len(COLUMNS)}")
        return
    _, section, level, what, where, shown = row.cells
    if level not in LEVELS:
        say(2, f"level {level!r}")
    if not section or not what:
        say(1, "a column is empty")
    for column, cell, look in ((4, where, sources.place), (5, shown, sources.test)):
        for token in tokens(cell):
            bad = look(token)
            if bad:
                say(column, bad)
    if not any(":" in t for t in tokens(where)) and "Not implemented:" not in where:
        say(4, "neither a function nor a reason")
    if level in ("MUST", "SHOULD") and not tokens(shown) and not excused(where, shown):
        say(5, "neither a test nor a reason")
    for column, cell in ((4, where), (5, shown)):
        for excuse in EXCUSES:
            if excuse in cell and not re.search(re.escape(excuse) + r" \w", cell):
                say(column, f"{excuse} and no reason")


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else TABLE
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        text = f.read()
    errors = []

    def wrong(line, what):
        errors.append((line, f"{name}:{line}: {what}"))

    sources = Sources()
    expected = {f"{chapter}{n}" for chapter, last in CHAPTERS.items()
                for n in range(1, last + 1)}
    seen = {}
    for row in rows(text):
        rule = row.cells[0]
        if rule == COLUMNS[0]:
            if row.cells != COLUMNS:
                wrong(row.lines[0], f"columns {row.cells}")
            continue
        if rule in seen:
            wrong(row.lines[0], f"{rule}: again, first in line {seen[rule]}")
        elif rule not in expected:
            wrong(row.lines[0], f"{rule!r}: no such rule")
        seen.setdefault(rule, row.lines[0])
        check_row(row, sources, wrong)
    last = len(text.splitlines())
    for rule in sorted(expected - set(seen)):
        wrong(last, f"{rule}: no row")
    for _, what in sorted(errors):
        print(what)
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
