# SPDX-License-Identifier: GPL-2.0
"""What each kind of hostile segment costs, before there is any state and in the
worst states that a peer can bring about.

Meant for a machine whose clock counts instructions.  A datagram is as many
segments of a kind as fit into one; its price is what it takes to be sent,
received and answered, by octet.
"""

import json
import select
import subprocess
import time

import app
from codec import CAS, CR, CS, RA, RS, Segment, decode, sdnv

SERVICE, SENDER = 5, 7
RED, CP, EOB, GREEN = 0, 1, 3, 4
# Octets of a datagram; how many of one kind are looked at; what is allowed.
FULL, TIMES, WORST = 1400, 15, 1.5
# How much of a state there is.
UNACKED, PUT_OFF, GAPS, SERIALS, SESSIONS, CLAIMS = 900, 64, 8000, 4000, 8000, 4500
PROVOKED, LATER = 1000, 250
BLOCK = 400000
MARGIN = ("margin", "600s", "max-retries", 20)


def ltp(*words):
    done = subprocess.run(["ltp", *map(str, words)], capture_output=True,
                          text=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout


def filled(make):
    """As many of what make() returns as fit into one datagram"""
    out = b""
    while True:
        more = make()
        if len(out) + len(more) > FULL:
            return out
        out += more


class Session:
    """One that the hostile peer sends to engine 1, or that it was sent."""

    def __init__(self, number, originator=3):
        self.head = sdnv(originator) + sdnv(number) + b"\0"
        self.cp = 1         # the next serials
        self.rs = 1
        self.at = 1000      # where nothing was yet
        self.hole = self.at + 1
        self.end = 1 << 19
        self.asked = 0      # serials of checkpoints that were seen, if any
        self.served = sdnv(SERVICE)

    def data(self, kind, start, length=1, cp=None):
        out = bytes([kind]) + self.head + self.served + sdnv(start) + sdnv(length)
        if cp:
            out += sdnv(cp) + b"\0"
        return out + b"x" * length

    def report(self, lower, upper, cp=0, claims=b"\0", serial=None):
        serial = serial or self.rs
        self.rs = max(self.rs, serial + 1)
        return (bytes([RS]) + self.head + sdnv(serial) + sdnv(cp) + sdnv(upper) +
                sdnv(lower) + claims)

    def number(self, kind, value):
        return bytes([kind]) + self.head + sdnv(value)


# --- kinds of segments: each returns one for a session ---------------------

def again(s):
    return s.data(RED, 0)


def onward(s):
    s.end += 1
    return s.data(RED, s.end - 1)


def apart(s):
    s.at += 2
    return s.data(RED, s.at)


def inward(s):
    """Fills one hole after the other, from below."""
    s.hole += 2
    return s.data(RED, s.hole)


def asked_before(s):
    return s.data(CP, 0, cp=1)


def asked(s):
    s.cp += 1
    return s.data(CP, 0, cp=s.cp)


def asked_every_other(s):
    s.cp += 2
    return s.data(CP, 0, cp=s.cp)


def acked(s):
    return s.number(RA, 5)


def green(s):
    s.at += 2
    return s.data(GREEN, (1 << 20) + s.at)


def claimed(s):
    s.at += 1
    return s.report(s.at % BLOCK, s.at % BLOCK + 1, claims=b"\1\0\1")


def claimed_apart(s):
    s.at += 2
    return s.report(s.at % BLOCK, s.at % BLOCK + 1, claims=b"\1\0\1")


def missed(s):
    """A resend of one octet each"""
    s.at += 2
    return s.report(s.at % BLOCK, s.at % BLOCK + 1)


def missed_and_named(s):
    s.at += 2
    return s.report(s.at % BLOCK, s.at % BLOCK + 1, cp=s.asked)


def skipped(s):
    """Serials of which every other is left out"""
    s.rs += 1
    return s.report(0, 1, claims=b"\1\0\1")


def reported_before(s):
    return s.report(0, 1, claims=b"\1\0\1", serial=1)


IMPORT = {
    "octets held already": again,
    "the next octet": onward,
    "octets between gaps": apart,
    "octets that fill gaps": inward,
    "a checkpoint answered before": asked_before,
    "new checkpoints": asked,
    "every other checkpoint": asked_every_other,
    "acknowledgments of no report": acked,
    "green octets": green,
}
EXPORT = {
    "reports that claim an octet": claimed,
    "claims of every other octet": claimed_apart,
    "reports that miss an octet": missed,
    "the same, of a checkpoint": missed_and_named,
    "every other report": skipped,
    "a report heard before": reported_before,
}


class Cost:
    """All measurements"""

    def __init__(self, test):
        self.test = test
        self.last = 1 << 21
        self.sender = None
        self.base, self.worst = {}, {}

    # --- tools -------------------------------------------------------------

    def number(self):
        self.last += 1
        return self.last

    def send(self, packet):
        """What it costs"""
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        try:
            self.test.hostile.send(packet)
        except BlockingIOError:
            pass
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - began

    def tell(self, packet):
        self.send(packet)
        self.test.drain()

    def span(self, *others):
        ltp("span", "del", "engine", 1, "to", 3)
        if self.sender:
            self.sender.close()
            self.sender = None
        self.test.span(*MARGIN, *others)
        ltp("span", "set", "engine", 1, "to", 3, "max-imports", 1 << 20)
        self.test.drain()
        self.test.read()

    def incoming(self):
        """A session with octets 0, and one checkpoint answered"""
        s = Session(self.number())
        self.tell(s.data(RED, 0))
        self.tell(s.data(CP, 0, cp=1))
        return s

    def outgoing(self):
        """A session whose block came, and of which nothing was said"""
        if not self.sender:
            self.sender = app.LtpSocket("rdm")
            self.sender.option(app.SNDBUF, 64 << 20)
            self.sender.option(app.SEGMENT_SIZE, 1472)
            self.sender.bind(1, SENDER)
            self.sender.connect(3, SERVICE)
        self.sender.send(bytes(BLOCK))
        got, until, cp = 0, time.time() + 60, 0
        while got < BLOCK:
            if time.time() > until:
                raise OSError(0, "the block did not come")
            try:
                packet = self.test.hostile.recv(65536)
            except BlockingIOError:
                select.select([self.test.hostile], [], [], 0.1)
                continue
            segment = decode(packet)
            if segment.start is None:
                continue
            got += len(packet)
            cp = segment.cp or cp
        s = Session(segment.session, 1)
        s.asked = cp
        return s

    def prepare(self, kind, s):
        """What must be there for a kind of segment to mean something"""
        if kind is inward:
            while s.at < s.hole + FULL:
                self.tell(filled(lambda: apart(s)))
        elif kind is reported_before:
            self.tell(reported_before(s))

    def price(self, kind, find):
        """Instructions an octet, of datagrams of one kind for the sessions that
        find() returns"""
        prices = []
        for _ in range(TIMES):
            s = find()
            self.prepare(kind, s)
            packet = filled(lambda: kind(s))
            prices.append(self.send(packet) / len(packet))
            self.test.drain()
            self.test.read()
        return sorted(prices)[len(prices) // 2]

    def look(self, state, kinds, find, without=()):
        """Measures all kinds in a state; without a state, what is compared
        with."""
        for name, kind in kinds.items():
            if kind in without:
                continue
            price = self.price(kind, find)
            if not state:
                self.base[name] = price
            ratio = price / self.base[name]
            if ratio >= self.worst.get(name, (0,))[0]:
                self.worst[name] = ratio, price, state or "none"
            print(f"# {name}; {state or 'no state'}: {price:.1f} ({ratio:.2f})",
                  flush=True)

    # --- states ------------------------------------------------------------

    def unacked(self, n=UNACKED):
        self.span("reorder", "0s")
        s = self.incoming()
        for _ in range(n):
            self.tell(asked(s))
        return s

    def acknowledge(self, s):
        """All reports that came"""
        while True:
            try:
                segment = decode(self.test.hostile.recv(65536))
            except BlockingIOError:
                break
            if segment.type == RS:
                self.send(s.number(RA, segment.rs))

    def acked(self):
        """Reports that were acknowledged"""
        self.span("reorder", "0s")
        s = self.incoming()
        for _ in range(400):
            self.send(asked(s))
            self.acknowledge(s)
        return s

    def put_off(self):
        self.span("reorder", "60s")
        s = self.incoming()
        while s.at < 2 * TIMES * FULL // 7:
            self.tell(filled(lambda: apart(s)))
        for _ in range(PUT_OFF):
            s.cp += 1
            self.tell(s.data(CP, s.at + 2, cp=s.cp))
        s.at += 4
        return s

    def gaps(self):
        self.span("reorder", "0s")
        s = self.incoming()
        while s.at < 2 * GAPS:
            self.tell(filled(lambda: apart(s)))
        return s

    def serials(self):
        """Checkpoints answered, of which every other is left out"""
        s = self.unacked(0)
        for _ in range(SERIALS):
            self.send(asked_every_other(s))
            self.acknowledge(s)
        return s

    def sessions(self):
        self.span("reorder", "0s")
        numbers = [self.number() for _ in range(SESSIONS)]
        left = iter(numbers)
        for _ in range(0, SESSIONS, 50):
            self.tell(b"".join(Session(next(left)).data(RED, 0)
                               for _ in range(50)))
        return numbers

    def memories(self, numbers):
        for first in range(0, len(numbers), 50):
            self.tell(b"".join(
                bytes([CS]) + sdnv(3) + sdnv(number) + b"\0\1"
                for number in numbers[first:first + 50]))

    def provoked(self, kind):
        s = self.outgoing()
        for _ in range(PROVOKED):
            self.tell(kind(s))
        return s

    def later(self):
        """Resends that wait for the rate"""
        s = self.outgoing()
        ltp("span", "set", "engine", 1, "to", 3, "rate", "8kbit")
        for _ in range(LATER):
            self.tell(missed(s))
        return s

    def reported(self, kind, n):
        s = self.outgoing()
        begin = s.rs
        while s.rs < begin + n:
            self.tell(filled(lambda: kind(s)))
        return s

    # --- all ----------------------------------------------------------------

    def known(self, numbers, kind):
        """Segments of sessions that there are, or were"""
        left = iter(numbers)
        return lambda _: kind(Session(next(left)))

    def fresh(self):
        return self.incoming()

    def strangers(self):
        """Segments of sessions that there are not"""
        def new(kind):
            return lambda _: kind(Session(self.number()))

        def guess(kind, *more, who=1):
            return lambda _: (bytes([kind]) + sdnv(who) + sdnv(self.number()) +
                              b"\0" + bytes(more))
        return {
            "a new session": new(lambda s: s.data(RED, 0)),
            "a whole block": new(lambda s: s.data(EOB, 0, cp=1)),
            "green octets of a new session": new(lambda s: s.data(GREEN, 0)),
            "cancellations of no session": guess(CS, 1, who=3),
            "cancellations by the receiver": guess(CR, 1),
            "reports of no session": guess(RS, 1, 1, 1, 0, 1, 0, 1),
            "their acknowledgments": guess(CAS),
        }

    def clock(self):
        """The states that made most of a difference, on a machine that has only
        a clock.  Returns the kinds that cost more than twice as much there."""
        held = {name: kind for name, kind in IMPORT.items()
                if kind in (again, apart, asked_before, acked)}
        told = {name: kind for name, kind in EXPORT.items()
                if kind in (claimed, missed, reported_before)}
        self.span("reorder", "0s")
        self.look(None, held, self.fresh)
        self.look(None, told, self.outgoing)
        for state, make in ((f"{UNACKED} reports unacknowledged", self.unacked),
                            (f"{PUT_OFF} reports put off", self.put_off)):
            s = make()
            self.look(state, held, lambda s=s: s)
        self.span("reorder", "0s")
        s = self.provoked(missed)
        self.look(f"{PROVOKED} checkpoints provoked", told, lambda: s)
        self.span()
        return {name: worst for name, worst in self.worst.items()
                if worst[0] > 2}

    def measure(self):
        strange = self.strangers()
        self.span("reorder", "0s")
        self.look(None, {"nothing that makes sense": lambda _: b"\xff"},
                  lambda: None)
        for name, kind in strange.items():
            self.span("reorder", "0s")
            self.look(None, {name: kind}, lambda: None)
        self.span("reorder", "0s")
        self.look(None, IMPORT, self.fresh)
        self.span("reorder", "0s")
        self.look(None, EXPORT, self.outgoing)

        for state, make in (
                (f"{UNACKED} reports unacknowledged", self.unacked),
                ("400 reports acknowledged", self.acked),
                (f"{PUT_OFF} reports put off", self.put_off),
                (f"{GAPS} gaps", self.gaps),
                (f"{SERIALS} checkpoints of every other serial", self.serials)):
            s = make()
            self.look(state, IMPORT, lambda s=s: s)

        numbers = self.sessions()
        self.look(f"{SESSIONS} sessions", strange, lambda: None)
        self.look(f"{SESSIONS} sessions", IMPORT, self.fresh)
        self.memories(numbers)
        self.look(f"{SESSIONS} memories", strange, lambda: None)

        for state, make, words in (
                (f"{PROVOKED} checkpoints provoked", self.provoked, (missed,)),
                (f"{PROVOKED} reports of one checkpoint", self.provoked,
                 (missed_and_named,)),
                (f"{LATER} resends that wait", self.later, ()),
                (f"{CLAIMS} claims of every other octet", self.reported,
                 (claimed_apart, CLAIMS)),
                (f"{SERIALS} reports of every other serial", self.reported,
                 (skipped, 2 * SERIALS))):
            self.span("reorder", "0s")
            s = make(*words)
            self.look(state, EXPORT, lambda s=s: s)
        self.span()


def run(test):
    """Prints what all kinds cost; returns those that cost too much."""
    test.receiver.option(app.RCVBUF, 128 << 20)
    cost = Cost(test)
    cost.measure()
    print("| segments | first | worst | ratio | in the state |")
    dear = []
    for name, (ratio, price, state) in cost.worst.items():
        print(f"| {name} | {cost.base[name]:.0f} | {price:.0f} | {ratio:.2f} "
              f"| {state} |")
        if ratio > WORST:
            dear.append(name)
    return dear
