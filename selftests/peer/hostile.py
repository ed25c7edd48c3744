#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Peers that mean harm: hostile.py [--cost] NEAR FAR.

NEAR and FAR are network namespaces, as hostile.sh makes them.  In NEAR is
engine 1, which receives for one service with a small buffer.  In FAR are
engine 2, an honest one, and two addresses to send from by hand: that of
engine 3, which is configured and hostile, and one that nobody knows.

Prints TAP.  --cost: prints instead what hostile segments of each kind cost, on a
machine whose clock counts instructions; see cost.py.
"""

import errno
import json
import os
import select
import socket
import subprocess
import sys
import time

import app
import cost
from app import SLOW, eventually
from cgroup import Cgroup, Skip
from codec import CAS, CR, CS, RA, RS, Segment, decode, pattern, sdnv
from floods import ALL, EOB, SERVICE, Kinds, data
from memory import pages, shrunk_pages

NEAR, HONEST, HOSTILE, STRANGER = ("10.18.1.1", "10.18.1.2", "10.18.1.3",
                                   "10.18.1.4")
BLOCK = 100000
RCVBUF = 512 << 10      # doubled by the kernel
IMPORTS = 2000
MEMORIES = 1000
# What a memory cgroup may have more, and what it may have beyond its limit.
GROUP, OVER = 12 << 20, 2 << 20
# Hostile datagrams a second; one CPU that checks all its memory makes fewer.
DEBUG = "LTP_DEBUG" in os.environ
# One kernel sees the most of it.
LESS = DEBUG or os.environ.get("LTP_KERNEL", "6.12") != "6.12"
FLOOD = 100 if DEBUG else 500
# Checks that measure times.
TIMES = ("beside", "grows")
# What differs between kernels, where another one has all tests.
REDUCED = ("bounded", "empty", "machine", "group")
# Blocks of a transfer that is to take its time beside that, 0.1 s each.
BESIDE = 3


def ltp(*words):
    done = subprocess.run(["ltp", *map(str, words)], capture_output=True,
                          text=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout


def stats(engine=1):
    return json.loads(ltp("-j", "stats", "show", "engine", engine))[0]


# Those whose answers are larger than they are.  And those that are sent until
# what is free does not matter, so many octets; where time allows, all that are
# answered.
WORTH = ("checkpoints", "crowded")
ASKING, ASKED = WORTH, 120000
if not LESS:
    ASKING += ("blocks", "cancels", "reports", "claims", "empties")
# What an idle link has for nothing, at first and in a second: see CREDIT_FREE,
# CREDIT_RATE; and one answer, which is sent whole or not at all.
FREE, FREE_RATE, ANSWER = 8192, 1024, 3528
# What is answered in copies as well; the first of the engines, and hosts, that
# each kind has for itself; and engines that nobody configured.
COPIED = ("blocks",) if LESS else ("crowded", "blocks", "cancels", "reports")
CROWD, UNKNOWN = 20, range(100, 110)

# Of many segments, so that a quarter will do; and those of which something stays.
MANY = ("crowded", "stubborn", "empties")
GROWING = ("sessions", "blocks", "offsets", "overlaps", "gaps", "checkpoints",
           "stubborn")
# Reports of a session that are heard.
REPORTS = 65536

# How many of a kind fill the memory of a socket several times, at 1 KiB for a
# session, as much for an octet or a report; and what then is to count it.
FLOODS = {
    "sessions": (8000, ("drop-rcvbuf",)),
    "blocks": (6000, ("sessions-reaped", "limit-memories")),
    "gaps": (4000, ("drop-rcvbuf",)),
    "stubborn": (600, ("limit-control",)),
}


class Wrong(Exception):
    """What should not be."""


def expect(condition, what):
    if not condition:
        raise Wrong(what)


def middle(numbers):
    """The median"""
    return sorted(numbers)[len(numbers) // 2]


def udp(address, to=NEAR):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)        # SO_RCVBUFFORCE
    s.bind((address, 1113 if to == NEAR else 0))
    s.connect((to, 1113))
    s.setblocking(False)
    return s


class Test:
    """What all checks share."""

    def __init__(self, near, far):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.near, self.far = app.Namespace(near), app.Namespace(far)
        self.kinds = Kinds()
        self.n = self.failed = 0
        self.turn = False
        self.block = pattern(0, BLOCK)
        self.far.enter()
        self.hostile, self.stranger = udp(HOSTILE), udp(STRANGER)
        self.forger = udp(STRANGER, HONEST)
        ltp("engine", "add", 2, "local", HONEST)
        ltp("span", "add", "engine", 2, "to", 1, "addr", NEAR, "rate", "8mbit",
            "margin", "300ms", "max-sessions", 4)
        self.sender = app.LtpSocket("rdm")
        self.sender.bind(2, SERVICE)
        self.sender.connect(1, SERVICE)
        self.near.enter()
        ltp("engine", "add", 1)
        ltp("span", "add", "engine", 1, "to", 2, "addr", HONEST, "rate",
            "unlimited", "margin", "300ms")
        self.span()
        self.receiver = app.LtpSocket("rdm")
        self.receiver.option(app.RCVBUF, RCVBUF)
        self.receiver.bind(1, SERVICE)

    @staticmethod
    def span(*others):
        """The span to engine 3"""
        ltp("span", "add", "engine", 1, "to", 3, "addr", HOSTILE, "rate",
            "unlimited", *(others or ("margin", "100ms", "max-retries", 2)),
            "max-imports", IMPORTS)

    def check(self, name, function, *words):
        if "LTP_REDUCED" in os.environ and function.__name__ not in REDUCED:
            return
        self.n += 1
        began = time.time()
        said = skip = None
        try:
            said = function(*words)
            ok = True
        except Skip as e:
            ok, skip = True, f" # SKIP {e}"
        except Wrong as e:
            ok, said = False, str(e)
        except (OSError, subprocess.CalledProcessError) as e:
            ok, said = False, f"{type(e).__name__}: {e}"
        self.failed += not ok
        if said:
            # What a slow machine does not explain (harness/guest.sh).
            print("#" if ok or function.__name__ in TIMES else "# wrong:", said)
        print(f"{'ok' if ok else 'not ok'} {self.n} - {name}",
              skip or f"# {time.time() - began:.1f} s", flush=True)

    # --- floods ----------------------------------------------------------

    def drain(self, sock=None):
        """Octets, with headers, that came back to the hostile peer, or another
        socket."""
        sock, got = sock or self.hostile, 0
        while True:
            try:
                got += len(sock.recv(65536)) + 28
            except BlockingIOError:
                return got

    def send(self, sock, packet):
        """Octets on the wire, IP header included"""
        while True:
            try:
                sock.send(packet)
                return len(packet) + 28
            except BlockingIOError:
                select.select([], [sock], [])
            except ConnectionRefusedError:
                pass

    def flood(self, supply, n, octets=0, sock=None):
        """So many datagrams and octets at least, perhaps by another socket.
        Returns (octets sent, octets that came back so far)."""
        sent = got = k = 0
        sock = sock or self.hostile
        while k < n or sent < octets:
            sent += self.send(sock, next(supply))
            if k % 64 == 0:
                got += self.drain(sock)
                self.read()
            k += 1
        return sent, got + self.drain(sock)

    def read(self):
        """Takes what was received."""
        while self.receiver.receive(0):
            pass

    def settle(self):
        """Nothing of engine 3 is left but memories."""
        def none():
            self.read()
            return not [s for s in json.loads(ltp("-j", "session") or "[]")
                        if s["remote"] == 3]
        expect(eventually(none, 40), "sessions are left")

    def new_span(self, *others):
        """Forgets engine 3, and knows it again, perhaps by other parameters."""
        ltp("span", "del", "engine", 1, "to", 3)
        self.span(*others)
        self.drain()

    # --- checks ----------------------------------------------------------

    def crowd(self):
        """[kind, its engine, its socket, when it began, octets sent, octets that
        came back so far] of each, some with copies."""
        crowd = []
        cases = [(kind, 1) for kind in ALL] + [(kind, 3) for kind in COPIED]
        # Those that go on and on do not slow the others down.
        cases.sort(key=lambda case: case[0] in WORTH)
        for who, (kind, copies) in enumerate(cases, CROWD):
            host = f"10.18.1.{who}"
            self.far.enter()
            sock = udp(host)
            self.near.enter()
            # What is worth most is sent again until we are through.
            ltp("span", "add", "engine", 1, "to", who, "addr", host, "rate",
                "unlimited", "margin", "100ms", "max-imports", IMPORTS,
                "max-retries", (5 if LESS else 20) if kind in WORTH else 2,
                "redundancy", copies)
            began = time.time()
            sent, got = self.flood(getattr(Kinds(who), kind)(),
                                   0, ASKED if kind in ASKING else 40000, sock)
            crowd.append([kind + (f" x {copies}" if copies > 1 else ""), who,
                          sock, began, sent, got])
        return crowd

    def unknown(self):
        """One segment of each of several engines that nobody configured; what
        the machine drops after the floods is sent again."""
        began, sent = time.time(), 0
        kinds = {who: Kinds(who).blocks() for who in UNKNOWN}

        def known():
            nonlocal sent
            for span in json.loads(ltp("-j", "span")):
                kinds.pop(span["remote"], None)
            sent += sum(self.send(self.stranger, next(segments))
                        for segments in kinds.values())
            return not kinds
        expect(eventually(known, 10),
               f"engines {[*kinds]} were not accepted: {stats()}")
        return ["unknown", None, self.stranger, began, sent, 0]

    def all_come(self, crowd):
        """Until nobody's timer has anything to send any more."""
        last = time.time()
        # Those of engines that nobody configured would take half a minute.
        names = {who for _, who, *_ in crowd}

        def none():
            nonlocal last
            self.read()
            for member in crowd:
                more = self.drain(member[2])
                member[5] += more
                if more:
                    last = time.time()
            if LESS:
                return time.time() > last + 0.4 * SLOW
            return not [s for s in json.loads(ltp("-j", "span"))
                        if s["remote"] in names and s["imports"]]
        expect(eventually(none, 60), "sessions are left")

    def amplified(self):
        """Octets that come back, by octets sent, all resends included."""
        said = []
        # One session is not in another's way.
        self.receiver.option(app.RCVBUF, 16 << 20)
        old = self.sysctl("accept_unknown", len(UNKNOWN))
        try:
            crowd = self.crowd() + [self.unknown()]
            self.all_come(crowd)
        finally:
            self.sysctl("accept_unknown", old)
            self.receiver.option(app.RCVBUF, RCVBUF)
        for kind, who, sock, began, sent, got in crowd:
            refused = 0
            if who:
                span = json.loads(ltp("-j", "-s", "span", "show", "engine", 1,
                                      "to", who))[0]
                refused = span["stats"]["limit-answers"]
                sock.close()
            said.append(f"{kind} {got / sent:.2f}" +
                        (f" ({refused} refused)" if refused else ""))
            free = FREE + FREE_RATE * (time.time() - began) if who else 0
            expect(got <= 3 * sent, f"{kind}: {sent} octets made {got}")
            expect(got - free - ANSWER <= 2.1 * sent,
                   f"{kind}: {sent} octets made {got}")
            expect(refused or kind not in WORTH, f"{kind}: none was refused")
        for who in [member[1] for member in crowd if member[1]] + [*UNKNOWN]:
            ltp("span", "del", "engine", 1, "to", who)
        return "octets answered by octets sent: " + ", ".join(said)

    def floods(self, share=1):
        """All kinds of flood, each a share of what it is.  Returns what pages()
        said at most, and what was counted."""
        most, said = (0, 0), []
        for kind in ALL + ("stubborn",):
            n, counters = FLOODS.get(kind, (300, ()))
            if kind == "empties":
                n //= 10    # they come by tens
            if counters:
                # No older session stands in for these.
                self.new_span("margin", "10s", "max-retries", 2)
            if LESS:
                n //= 2
            n = int(n * share)
            was, supply = stats(), getattr(self.kinds, kind)()
            for _ in range(4):
                self.flood(supply, n // 4)
                most = tuple(map(max, most, pages()))
            rose = stats()
            for name in counters:
                said.append(f"{kind}: {rose[name] - was[name]} {name}")
                expect(share < 1 or rose[name] > was[name], f"{kind}: no {name}")
        return most, ", ".join(said)

    def forgotten(self):
        """No session is left, and no memory of one."""
        ltp("span", "set", "engine", 1, "to", 3, "margin", "100ms")
        self.settle()
        self.new_span()

    def bounded(self):
        """Memory during floods, and after."""
        # Reports shall pile up, and not run out of retries.
        self.new_span("margin", "10s", "max-retries", 2)
        self.settle()
        old = self.sysctl("memories", MEMORIES)
        try:
            # Pages that a kernel keeps for what it was asked for once.
            self.floods(0.25)
            self.forgotten()
            before = shrunk_pages()
            self.new_span("margin", "10s", "max-retries", 2)
            most, said = self.floods()
        finally:
            self.sysctl("memories", old)
        # Receive buffer and control, of one socket; pages are counted by CPU.
        cap = (2 * RCVBUF + max(RCVBUF, 1 << 20)) // 4096 + 256 * os.cpu_count()
        expect(most[0] - before[0] <= cap, f"{most[0]} pages, not {cap}")
        # Sessions and memories besides, and what the kernel's own takes.
        kb = cap * 4 + IMPORTS * 4 + 8192
        expect(most[1] - before[1] <= kb, f"{most[1] - before[1]} kB, not {kb}")
        self.forgotten()
        expect(eventually(lambda: shrunk_pages()[1] - before[1] < 2048, 10),
               f"{shrunk_pages()[1] - before[1]} kB are left")
        return (f"at most {most[0] - before[0]} of {cap} pages of sockets, "
                f"{most[1] - before[1]} kB of the kernel, then "
                f"{shrunk_pages()[1] - before[1]} kB; {said}")

    def empty(self):
        """Blocks of no octets in front of a socket that nobody reads."""
        blocks, rcvbuf = 4000 if LESS else 24000, 32 << 10
        self.new_span()
        reader = app.LtpSocket("rdm")
        reader.option(app.RCVBUF, rcvbuf)       # doubled by the kernel
        reader.bind(1, SERVICE + 1)
        old = self.sysctl("memories", MEMORIES)
        before = pages()
        try:
            supply = self.kinds.empties(SERVICE + 1, 200)
            for _ in range(0, blocks, 200):
                self.send(self.hostile, next(supply))
                self.drain()
            self.settle()
            # As many blocks as could not be told from each other in less.
            most = 2 * rcvbuf // 64
            # Receive buffer, control, memories, and what the kernel keeps.
            cap = (2 * rcvbuf + (1 << 20) + MEMORIES * 192 >> 10) + 640
            # A kernel that checks its memory keeps more of it than it uses.
            small = LESS or eventually(
                lambda: pages()[1] - before[1] <= cap, 5)
            held, kb = (now - was for now, was in zip(pages(), before))
            waiting = 0
            while reader.receive(0):
                waiting += 1
        finally:
            reader.close()
            self.sysctl("memories", old)
        expect(waiting <= most, f"{waiting} of {blocks} wait, not {most}; "
               f"{held} pages, {kb} kB of the kernel")
        expect(held * 4 <= cap + 1024 * os.cpu_count(), f"{held} pages")
        expect(small, f"{kb} kB of the kernel, not {cap}")
        expect(waiting, "none came")
        return (f"{waiting} of {blocks} wait, {held} pages, "
                f"{kb} kB of the kernel")

    def session_to_hostile(self, size):
        """The number of a session of engine 1, whose block is under way to
        engine 3, all of it; and its socket."""
        sender = app.LtpSocket("rdm")
        sender.option(app.SNDBUF, 16 << 20)
        sender.option(app.SEGMENT_SIZE, 1472)
        sender.bind(1, SERVICE + 2)
        sender.connect(3, SERVICE)
        sender.send(bytes(size))
        number, got, until = None, 0, time.time() + 20 * SLOW
        while got < size:
            expect(time.time() < until, f"{got} of {size} octets came")
            try:
                packet = self.hostile.recv(65536)
            except BlockingIOError:
                select.select([self.hostile], [], [], 0.1)
                continue
            number = decode(packet).session
            got += len(packet)
        return number, sender

    def too_many(self):
        """As many reports of a session as are heard, and one: it ends."""
        if LESS:
            raise Skip("one kernel is enough")
        self.new_span("margin", "60s")
        number, sender = self.session_to_hostile(BLOCK)
        # All alike but for their numbers, which have three octets.
        before, behind = Segment(RS, originator=1, session=number,
                                 rs=(1 << 21) - 1, cp=0, start=0, end=1,
                                 claims=[(0, 1)]).encode().split(b"\xff\xff\x7f")
        was = stats()
        # Nothing is acknowledged meanwhile, which would take long.
        ltp("span", "cue", "engine", 1, "to", 3, "local-stop")
        # No datagram holds more of them than are read of one.
        ends = [*range(1000, REPORTS, 1000), REPORTS, REPORTS + 1]
        for first, end in zip([0, *ends], ends):
            self.send(self.hostile, b"".join(
                before + bytes((0x80 | k >> 14, 0x80 | k >> 7 & 0x7f,
                                k & 0x7f)) + behind
                for k in range(first + 1, end + 1)))
            many = stats()["limit-reports"] - was["limit-reports"]
            expect(many == (end > REPORTS), f"{many} times at {end} reports")
        lost = stats()["limit-held"] - was["limit-held"]
        sender.close()
        self.new_span()
        # Their acknowledgments waited, but not all of them.
        expect(lost, "no acknowledgment was lost")

    def claimed(self):
        """Reports that claim every other octet of a large block, then reports
        of little, none of which answers a checkpoint."""
        size, reports, claims, small = 4 << 20, 250, 1000, 12000
        if DEBUG:
            reports, small = 10, 3000
        self.new_span("margin", "60s")
        before = pages()
        number, sender = self.session_to_hostile(size)
        ltp("span", "set", "engine", 1, "to", 3, "rate", "1mbit")
        serial, most = 0, (0, 0)

        def report(start, end, count, packed):
            nonlocal serial
            serial += 1
            return Segment(RS, originator=1, session=number, rs=serial, cp=0,
                           start=start, end=end,
                           claims=[]).encode(count=count) + packed

        def grown():
            nonlocal most
            most = tuple(max(was, now - first) for was, now, first
                         in zip(most, pages(), before))

        packed = b"".join(sdnv(2 * n) + sdnv(1) for n in range(claims))
        began = time.time()
        for n in range(reports):
            at = 2 * claims * n
            self.send(self.hostile,
                      report(at, at + 2 * claims, claims, packed))
            self.drain()
            if n % 25 == 24:
                grown()
        large = time.time() - began
        # One of these costs what the one before did.
        packed, times = sdnv(0) + sdnv(1), []
        for n in range(0, small, 40):
            packet = b"".join(report(2 * k, 2 * k + 2, 1, packed)
                              for k in range(n, n + 40))
            began = time.perf_counter()
            self.send(self.hostile, packet)
            times.append(time.perf_counter() - began)
            self.drain()
        grown()
        fifth = len(times) // 5
        first, last = (sorted(some)[fifth // 2]
                       for some in (times[:fifth], times[-fifth:]))
        took, _ = self.honest(2)
        sender.close()
        self.new_span()
        # See empty().
        freed = DEBUG or eventually(lambda: pages()[1] - before[1] < 2048, 10)
        said = (f"{most[0]} pages of sockets, {most[1]} kB of the kernel; "
                f"{reports} reports took {large:.1f} s, "
                f"40 reports took {first * 1e6:.0f} us at first, "
                f"{last * 1e6:.0f} us at last; two blocks of others "
                f"{took:.2f} s")
        # The block, its headers, what was provoked, and what each CPU keeps.
        cap = (size + (1 << 20) + size // 2 + (256 << 10) +
               os.cpu_count() * (1 << 20))
        expect(most[0] * 4096 <= cap, said)
        expect(most[1] <= (12288 if DEBUG else 4096), said)
        # Every claim is an allocation, and each of these is looked after there.
        expect(large <= (40 if DEBUG else 10) * SLOW, said)
        expect(last <= 4 * first + 1e-4, said)
        expect(took <= 5 * SLOW, said)
        expect(freed, f"{pages()[1] - before[1]} kB are left")
        return said

    def provoked(self):
        """Reports of one octet each, that it is missing; then reports of which
        every other number is left out.  What they take is counted, and has a
        limit."""
        n = 2000 if DEBUG else 12000
        self.new_span("margin", "60s")
        before, was = pages(), stats()
        number, sender = self.session_to_hostile(BLOCK)
        held = pages()[0] - before[0]
        most, serial = (0, 0), 0

        def report(at, step, claims):
            nonlocal serial
            serial += step
            return Segment(RS, originator=1, session=number, rs=serial, cp=0,
                           start=at, end=at + 1, claims=claims).encode()

        def send(step, count, claims):
            nonlocal most
            for first in range(0, count, 60):
                self.send(self.hostile, b"".join(
                    report(2 * k % BLOCK, step, claims(2 * k % BLOCK))
                    for k in range(first, first + 60)))
                self.drain()
                if first % 600 == 0:
                    most = tuple(max(old, now - start) for old, now, start
                                 in zip(most, pages(), before))

        send(1, n, lambda at: [])
        checkpoints = stats()["tx-checkpoints"] - was["tx-checkpoints"]
        # Those of the block are one or two.
        expect(checkpoints <= 300, f"{checkpoints} checkpoints are out")
        send(2, n, lambda at: [(at, at + 1)])
        grown = (most[0] - held) * 4096
        refused = stats()["limit-provoked"] - was["limit-provoked"]
        took, _ = self.honest(2)
        sender.close()
        self.new_span()
        freed = eventually(lambda: pages()[0] <= before[0] +
                           256 * os.cpu_count(), 10)
        said = (f"{checkpoints} checkpoints, {grown >> 10} kB of sockets, "
                f"{most[1]} kB of the kernel, {refused} refused; two blocks of "
                f"others {took:.2f} s")
        cap = BLOCK // 2 + (256 << 10) + os.cpu_count() * (1 << 20)
        expect(grown <= cap, said)
        expect(refused or DEBUG, said)
        # The block, twice what is counted, and what the kernel keeps.
        expect(DEBUG or most[1] <= 2048, said)
        expect(freed, f"{pages()[0]} pages, {before[0]} before")
        expect(took <= 5 * SLOW, said)
        return said

    def history(self):
        """What segments cost in the states that peers can bring about, by the
        clock.  By instructions, of all kinds and in all states: --cost."""
        if LESS:
            raise Skip("one kernel is enough")
        self.receiver.option(app.RCVBUF, 64 << 20)
        try:
            dear = cost.Cost(self).clock()
        finally:
            self.new_span()
            self.read()
            self.receiver.option(app.RCVBUF, RCVBUF)
        said = ", ".join(f"{name} {ratio:.1f} times as much; {state}"
                         for name, (ratio, _, state) in dear.items())
        expect(not dear, said)

    def honest(self, blocks, kind=None, rate=0):
        """(seconds that so many blocks of engine 2 take, beside a flood of so
        many datagrams a second; how many those were)"""
        supply = getattr(self.kinds, kind)() if kind else None
        block = self.block
        began, sent, got, packets = time.time(), 0, 0, 0
        while got < blocks:
            now = time.time()
            expect(now < began + 60 * SLOW, f"{got} of {blocks} blocks")
            # As many as the machine can make without a break in reading.
            for _ in range(16):
                if not kind or packets >= (now - began) * rate:
                    break
                self.send(self.hostile, next(supply))
                packets += 1
            self.drain()
            while sent < blocks:
                try:
                    self.sender.send(block)
                    sent += 1
                except BlockingIOError:
                    break
                except OSError as e:
                    expect(e.errno in (errno.EAGAIN, errno.ENOBUFS), str(e))
                    break
            while True:
                found = self.receiver.receive(0)
                if not found:
                    break
                if found[2] == 2:
                    expect(found[0] == block, "another block")
                    got += 1
            select.select([self.receiver.sock], [], [], 0.002)
        return time.time() - began, packets

    def share(self, kind, rate):
        """(how much of its goodput a transfer keeps beside a flood, the flood's
        rate).  Another transfer, alone, is before or behind it."""
        self.turn = not self.turn
        alone = self.honest(BESIDE)[0] if self.turn else None
        beside, packets = self.honest(BESIDE, kind, rate)
        # What the flood left is not in the way of the other.
        self.new_span()
        alone = alone or self.honest(BESIDE)[0]
        return alone / beside, packets / beside

    def beside(self):
        """An honest transfer keeps 80 % of its goodput, beside any kind.

        The median of three tries, of all kinds in turn, so that what else the
        machine does meets all of them; of five, if that is too little.  A
        machine that cannot make the flood has one of half the rate, down to an
        eighth.  A quarter is enough of what has many segments.
        """
        kinds = ("sessions", "checkpoints", "drip") if LESS else \
            ALL + ("stubborn",)
        shares = {kind: [] for kind in kinds}
        rates = {kind: FLOOD / (4 if kind in MANY else 1) for kind in kinds}

        for turn in range(3):
            self.turn = turn % 2
            for kind in kinds:
                shares[kind].append(self.share(kind, rates[kind])[0])
        for kind in kinds:
            while middle(shares[kind]) < 0.8:
                share, rate = self.share(kind, rates[kind])
                if rate < 0.9 * rates[kind] and rates[kind] > FLOOD / 8:
                    rates[kind] /= 2
                    shares[kind] = [self.share(kind, rates[kind])[0]
                                    for _ in range(3)]
                    continue
                shares[kind].append(share)
                if len(shares[kind]) > 4:
                    break
        said = ", ".join(f"{kind} {middle(shares[kind]):.0%}" +
                         (f" at {rates[kind]:.0f}" if rates[kind] < FLOOD
                          else "") for kind in kinds)
        expect(min(map(middle, shares.values())) >= 0.8, said)
        return f"beside {FLOOD} a second: {said}"

    def times(self, kind, n):
        """Nanoseconds that each of the first n datagrams of a kind took to be
        sent, received and answered, and each of the last n of ten times n, when
        everything that may stay of them is there."""
        self.receiver.option(app.RCVBUF, 64 << 20)
        self.new_span("margin", "60s")
        ltp("span", "set", "engine", 1, "to", 3, "max-imports", 1 << 20)
        supply, times = getattr(self.kinds, kind)(), ([], [])
        for k in range(10 * n):
            packet = next(supply)
            began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            try:
                self.hostile.send(packet)
            except BlockingIOError:
                pass
            took = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - began
            if k < n:
                times[0].append(took)
            elif k >= 9 * n:
                times[1].append(took)
            if k % 256 == 0:
                self.drain()
        # Their sessions, too.
        self.new_span()
        self.read()
        self.receiver.option(app.RCVBUF, RCVBUF)
        return times

    def grows(self):
        """What a datagram costs when there is ten times as much of its kind, by
        the median, which what else the machine does hardly changes."""
        if LESS:
            raise Skip("one kernel is enough")
        said, grew = [], []
        for kind in GROWING:
            first, last = map(middle, self.times(kind, 300))
            said.append(f"{kind} {first / 1e3:.0f} us, then {last / 1e3:.0f} us")
            if last > 2 * first:
                grew.append(kind)
        expect(not grew, ", ".join(said))
        return ", ".join(said)

    def forged(self):
        """The right session number, but from another address."""
        self.far.enter()
        ltp("span", "set", "to", 1, "rate", "400kbit")
        self.near.enter()
        before = stats()
        self.sender.send(self.block)
        sessions = []

        def begun():
            nonlocal sessions
            sessions = [s["number"] for s in json.loads(ltp("-j", "session"))
                        if s["remote"] == 2]
            return sessions
        expect(eventually(begun, 20), "it did not begin")
        number = sessions[0]
        for sock in (self.stranger, self.hostile):
            for who in (2, 3):
                self.send(sock, Segment(CS, originator=who, session=number,
                                        reason=1).encode())
                self.send(sock, Segment(RA, originator=who, session=number,
                                        rs=1).encode())
                self.send(sock, data(EOB, number, 0, b"f" * 50, cp=5, who=who))
        # To the sender, whose span leads to engine 1 only.
        for segment in (Segment(CR, originator=2, session=number, reason=1),
                        Segment(CAS, originator=2, session=number),
                        Segment(RS, originator=2, session=number, rs=9, cp=0,
                                start=0, end=BLOCK, claims=[(0, BLOCK)])):
            self.forger.send(segment.encode())
        self.far.enter()
        ltp("span", "set", "to", 1, "rate", "8mbit")
        dropped = stats(2)["drop-address"]
        self.near.enter()
        expect(dropped == 3, f"{dropped} of 3 dropped at the sender")
        whole = None
        until = time.time() + 30 * SLOW
        while time.time() < until:
            found = self.receiver.receive(0.1)
            if found and found[2] == 2:
                whole = found[0]
                break
        expect(whole == self.block, "the block did not arrive")
        dropped = stats()["drop-address"] - before["drop-address"]
        expect(dropped >= 4, f"{dropped} dropped for their address")

    @staticmethod
    def sysctl(name, value):
        """Sets what each namespace has; returns what it was."""
        with open(f"/proc/sys/net/ltp/{name}", "r+", encoding="ascii") as f:
            old = int(f.read())
            f.seek(0)
            f.write(str(value))
        return old

    def mem(self, pages_=None):
        """Sets net.ltp.mem, which only the initial namespace may; returns
        what it was."""
        app.LIBC.setns(self.home, app.CLONE_NEWNET)
        try:
            with open("/proc/sys/net/ltp/mem", "r+", encoding="ascii") as f:
                old = int(f.read())
                if pages_ is not None:
                    f.seek(0)
                    f.write(str(pages_))
        finally:
            self.near.enter()
        return old

    def machine(self):
        """net.ltp.mem: a block that is too much for it, and then is not."""
        def bites():
            self.far.enter()
            try:
                return stats(2)["limit-mem"]
            finally:
                self.near.enter()
        block = pattern(0, 64) * (4 << 14)
        old = self.mem(512)
        try:
            try:
                self.sender.send(block)
                raise Wrong("it was sent")
            except OSError as e:
                expect(e.errno == errno.ENOBUFS, f"{e}")
            expect(bites() == 1, f"counted {bites()} times")
        finally:
            self.mem(old)
        reader = app.LtpSocket("rdm")
        reader.option(app.RCVBUF, 16 << 20)
        self.receiver.close()
        reader.bind(1, SERVICE)
        self.sender.send(block)
        found, got = True, b""
        while found and len(got) < len(block):
            found = reader.receive(20 * SLOW)
            got += found[0] if found else b""
        expect(got == block, "it did not arrive")
        expect(bites() == 1, f"counted {bites()} times")
        reader.close()
        # Each CPU keeps up to 256 pages that nobody holds.
        expect(eventually(lambda: pages()[0] <= 256 * os.cpu_count(), 10),
               f"{pages()[0]} pages")

    def group(self):
        """Unread data is charged to the group that made the socket."""
        cgroup = Cgroup(os.environ.get("TMPDIR", "/tmp") + f"/cg-{os.getpid()}")
        done, told = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            try:
                cgroup.enter()
                reader = app.LtpSocket("rdm")
                reader.bind(1, SERVICE)
                os.write(told[1], b"b")
                os.read(done[0], 1)
            finally:
                os._exit(0)
        try:
            os.read(told[0], 1)
            self.sender.send(self.block * 4)
            expect(eventually(lambda: cgroup.sockets() >= 4 * BLOCK, 20),
                   f"charged {cgroup.sockets()} bytes")
        finally:
            os.write(done[1], b"d")
            os.waitpid(pid, 0)
            freed = eventually(lambda: cgroup.sockets() == 0, 10)
            left = cgroup.sockets()
            cgroup.end()
        expect(freed, f"{left} bytes are still charged")

    def in_group(self, make, work, feed=None):
        """A group with little memory, and a process in it: that calls make(),
        then work() with what it made, which says something.  Meanwhile the
        caller's feed(), with a function that tells how far above its limit the
        group got.

        Returns the most bytes that the group had above its limit, how many of
        it were killed, and what work() said, None if it did not come to that.
        """
        cgroup = Cgroup(os.environ.get("TMPDIR", "/tmp") + f"/cg-{os.getpid()}")
        done, told = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            try:
                cgroup.enter()
                made = make()
                limit = cgroup.limit(GROUP)
                os.write(told[1], f"{limit}\n".encode())
                os.write(told[1], f"{work(made)}\n".encode())
                os.close(done[1])
                os.read(done[0], 1)
            finally:
                os._exit(0)
        os.close(done[0])
        os.close(told[1])
        try:
            with os.fdopen(told[0], encoding="ascii") as answers:
                limit = int(answers.readline())
                if feed:
                    feed(lambda: cgroup.peak() - limit)
                said = answers.readline().strip() or None
        finally:
            os.close(done[1])
            os.waitpid(pid, 0)
            over, kills = cgroup.peak() - limit, cgroup.kills()
            cgroup.end()
        return over, kills, said

    def send_limited(self):
        """A group with little memory, whose member sends more to a peer that
        never answers."""
        self.new_span("margin", "60s")
        ltp("span", "set", "engine", 1, "to", 3, "rate", "1mbit")
        piece, pieces = bytes(1 << 18), 256

        def make():
            sender = app.LtpSocket("rdm")
            sender.option(app.SNDBUF, 128 << 20)
            sender.bind(1, SERVICE + 2)
            sender.connect(3, SERVICE)
            return sender

        def work(sender):
            for n in range(pieces):
                try:
                    sender.send(piece)
                except OSError as e:
                    return f"{n} {e.errno}"
            return f"{pieces} 0"

        before = stats()["limit-mem"]
        over, kills, said = self.in_group(make, work)
        counted = stats()["limit-mem"] - before
        self.new_span()
        text = (f"{over >> 10} kB above the limit, {kills} killed, "
                f"{counted} times limit-mem, pieces and errno: {said}")
        expect(said and not kills, text)
        expect(over <= OVER, text)
        expect(int(said.split()[1]) in (errno.EAGAIN, errno.ENOBUFS), text)
        expect(counted, text)
        return text

    def receive_limited(self):
        """A group with little memory, whose member does not read what it is
        sent."""
        def make():
            reader = app.LtpSocket("rdm")
            reader.option(app.RCVBUF, 64 << 20)
            reader.bind(1, SERVICE)
            return reader

        def feed(above):
            piece, until, n = bytes(1 << 18), time.time() + 20 * SLOW, 0
            while n < 4 * GROUP >> 18 and time.time() < until:
                if above() > OVER or (not n % 8 and
                                      stats()["limit-mem"] - before > 100):
                    break
                try:
                    sender.send(piece)
                    n += 1
                except OSError as e:
                    # A block that is dropped again and again is given up.
                    expect(e.errno in (errno.EAGAIN, errno.ENOBUFS,
                                       errno.ETIMEDOUT), str(e))
                    sender.wait(select.POLLOUT, 0.05)

        self.far.enter()
        ltp("span", "set", "to", 1, "rate", "unlimited", "max-sessions", 16)
        # One that owes nobody an error.
        sender = app.LtpSocket("rdm")
        sender.bind(2, SERVICE + 3)
        sender.connect(1, SERVICE)
        self.near.enter()
        before = stats()["limit-mem"]
        try:
            over, kills, _ = self.in_group(make, lambda reader: "", feed)
            counted = stats()["limit-mem"] - before
        finally:
            sender.close()
            self.far.enter()
            ltp("span", "set", "to", 1, "rate", "8mbit", "max-sessions", 4)
            self.near.enter()
        text = (f"{over >> 10} kB above the limit, {kills} killed, "
                f"{counted} times limit-mem")
        expect(not kills, text)
        expect(over <= OVER, text)
        expect(counted, text)
        return text


def main():
    test = Test(*sys.argv[-2:])
    if sys.argv[1] == "--cost":
        dear = cost.run(test)
        if dear:
            print("too dear:", ", ".join(dear))
        return bool(dear)
    test.check("answers are at most three times what is asked", test.amplified)
    test.check("memory has its limits, and is given back", test.bounded)
    test.check("empty blocks that nobody reads", test.empty)
    test.check("claims of every other octet", test.claimed)
    test.check("what reports provoke is counted, and has limits", test.provoked)
    test.check("more reports than are heard", test.too_many)
    test.check("an honest transfer beside floods", test.beside)
    test.check("what a datagram costs does not grow", test.grows)
    test.check("what a segment costs does not depend on history", test.history)
    test.check("the right session from a wrong address", test.forged)
    test.check("the limit of the machine", test.machine)
    test.check("the memory cgroup", test.group)
    test.check("the memory cgroup is full: sending", test.send_limited)
    test.check("the memory cgroup is full: receiving", test.receive_limited)
    print(f"1..{test.n}")
    return 1 if test.failed else 0


sys.exit(main())
