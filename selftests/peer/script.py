# SPDX-License-Identifier: GPL-2.0
"""Reads scenarios; Documentation/networking/ltp-scenarios.rst has the language."""

import re

from codec import NAMES

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600}
HEADER = ("engine", "span", "round-trip", "virtual", "over", "repeats", "loose")
VERBS = ("<", ">", ">&", "nothing", "wait", "drain", "counters", "session",
         "sessions", "ltp", "ltp!", "sysctl", "set", "mark", "took", "open",
         "send", "recv", "notice", "close", "shutdown")


class Failure(Exception):
    """The kernel did not do what a script says, or the script is wrong."""


class Late(Failure):
    """Likewise, but a machine that is too slow may be all that is wrong."""


class Step:
    """One line."""

    def __init__(self, line, text):
        self.line = line
        self.text = text
        found = re.match(r"(?:(\d+|\*)x\s+)?(\S+)\s*(.*)$", text)
        # *x: as often as it happens
        self.repeat = 0 if found[1] == "*" else int(found[1] or 1)
        self.verb = found[2]
        self.rest = found[3]


class Script:
    """A scenario file."""

    def __init__(self, path, short):
        self.path = short
        self.header = {}
        self.steps = []
        title = []
        with open(path, encoding="utf-8") as f:
            for n, raw in enumerate(f, 1):
                text = re.sub(r"(^|\s)#.*", "", raw).strip()
                if not text:
                    # The comment at the top is what the scenario is about.
                    if not self.steps and raw.startswith("#") and "SPDX" not in raw:
                        title.append(raw.strip("# \n"))
                    continue
                step = Step(n, text)
                if step.verb in HEADER:
                    if self.steps:
                        raise Failure(f"{short}:{n}: {step.verb} comes too late")
                    self.header.setdefault(step.verb, []).extend(
                        step.rest.split() or [""])
                elif step.verb in VERBS:
                    self.steps.append(step)
                else:
                    raise Failure(f"{short}:{n}: what is {step.verb!r}?")
        name = short.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        self.title = name + (": " + title[0].rstrip(".") if title else "")

    def word(self, name, default=None):
        return self.header.get(name, [default])[0]


class Values:
    """The variables of a run, and what is written in terms of them."""

    def __init__(self, **known):
        self.known = known
        self.times = {}

    def number(self, text):
        """Such as 7, 0x10, $x+1, 2^40-1, $i*20"""
        total = 0
        for sign, term in re.findall(r"([+-]?)([^+-]+)", text):
            total += -self.term(term) if sign == "-" else self.term(term)
        return total

    def term(self, text):
        left, times, right = text.partition("*")
        if times:
            return self.term(left) * self.term(right)
        base, _, power = text.partition("^")
        if base.startswith("$"):
            if base[1:] not in self.known:
                raise Failure(f"{base} is not known yet")
            value = self.known[base[1:]]
        else:
            try:
                value = int(base, 0)
            except ValueError:
                raise Failure(f"{text!r} is no number") from None
        return value ** int(power) if power else value

    def time(self, text):
        """Seconds of 2R, 1.5R+100ms, 3s"""
        total = 0
        for sign, term in re.findall(r"([+-]?)([^+-]+)", text):
            found = re.fullmatch(r"([\d.]+)([a-zA-Z]+)", term)
            unit = self.times.get(found[2], UNITS.get(found[2])) if found else None
            if unit is None:
                raise Failure(f"{text!r} is no time")
            total += float(found[1]) * unit * (-1 if sign == "-" else 1)
        return total

    def window(self, text):
        """(from, to) of A..B; either may be left out"""
        first, dots, last = text.partition("..")
        return (self.time(first) if first else 0,
                self.time(last) if last else None if dots else self.time(first))

    def substitute(self, text):
        return re.sub(r"\$(\w+)", lambda m: str(self.number(m[0])), text)


class Wanted:
    """A segment as a script writes it: words and claims."""

    def __init__(self, text):
        self.text = text
        self.claims = None
        found = re.search(r"\{(.*?)\}", text)
        if found:
            self.claims = found[1].split()
            text = text[:found.start()] + text[found.end():]
        words = text.split()
        self.name = words.pop(0)
        self.range = None
        self.fields = {}
        for word in words:
            name, equals, value = word.partition("=")
            if equals:
                self.fields[name] = value
            elif ".." in word and self.range is None:
                self.range = word.split("..", 1)
            else:
                raise Failure(f"what is {word!r} in {self.text!r}?")
        if self.name in NAMES:
            self.type = NAMES[self.name]
        elif self.name.startswith("TYPE"):
            self.type = int(self.name[4:])
        else:
            raise Failure(f"there is no segment {self.name!r}")

    def allow(self, *names):
        for name in self.fields:
            if name not in names:
                raise Failure(f"what is {name!r} in {self.text!r}?")

    def ranges(self, values, scope):
        """The claims as pairs; {A..B/STEPxN} stands for N of them."""
        if self.claims == ["all"]:
            return [scope]
        out = []
        for word in self.claims:
            found = re.fullmatch(r"(.+)\.\.([^/]+)(?:/(\d+)x(\d+))?", word)
            if not found:
                raise Failure(f"{word!r} is no claim")
            start, end = values.number(found[1]), values.number(found[2])
            step, count = int(found[3] or 0), int(found[4] or 1)
            out.extend((start + n * step, end + n * step) for n in range(count))
        return out
