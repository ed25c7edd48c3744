# SPDX-License-Identifier: GPL-2.0
"""What hostile peers send."""

import random

from codec import CAS, CR, CS, RA, RS, Segment

SERVICE = 5
RED, CP, EOB, GREEN = 0, 1, 3, 4


def data(kind, session, start, payload=b"x", cp=None, who=3, head=(), tail=(),
         service=SERVICE):
    return Segment(kind, originator=who, session=session, service=service,
                   start=start, end=start + len(payload), payload=payload,
                   cp=cp, extensions=(head, tail)).encode()


class Kinds:
    """Datagrams, each method an endless supply of one kind of them."""

    def __init__(self, who=3):
        self.who = who
        self.random = random.Random(18)
        self.last = 1000000

    def data(self, *words, **others):
        return data(*words, who=self.who, **others)

    def new(self):
        self.last += 1
        return self.last

    def guess(self):
        return self.random.getrandbits(32)

    def malformed(self):
        """datagrams that are no segments"""
        while True:
            yield b"\xff" * 24

    def sessions(self):
        """a new session each, never continued"""
        while True:
            yield self.data(RED, self.new(), 0)

    def blocks(self):
        """a whole block each, its report never acknowledged"""
        while True:
            s = self.new()
            yield self.data(EOB, s, 0, cp=s)

    def offsets(self):
        """a new session at a giant offset each"""
        while True:
            yield self.data(RED, self.new(), self.random.getrandbits(62))

    def overlaps(self):
        """segments that overlap each other, of one session"""
        s = self.new()
        while True:
            at = self.random.randrange(20000)
            yield self.data(RED, s, at, b"o" * self.random.randrange(1, 1000))

    def gaps(self):
        """one octet between two gaps each, of one session"""
        s, at = self.new(), 0
        while True:
            at += 2
            yield self.data(RED, s, at % 200000)

    def checkpoints(self):
        """checkpoints behind 200 gaps, each asking for a report"""
        while True:
            s = self.new()
            for n in range(200):
                yield self.data(RED, s, 2 * n)
            for n in range(500):
                yield self.data(CP, s, 400, cp=2 * n + 1)

    def crowded(self):
        """checkpoints behind 20 gaps, 40 to a datagram"""
        while True:
            s = self.new()
            yield b"".join(self.data(RED, s, 2 * n) for n in range(20))
            for n in range(10):
                yield b"".join(self.data(CP, s, 40, cp=2 * (n * 40 + k) + 1)
                               for k in range(40))

    def stubborn(self):
        """checkpoints of one session, behind 20 gaps, 40 to a datagram"""
        s, n = self.new(), 0
        yield b"".join(self.data(RED, s, 2 * n) for n in range(20))
        while True:
            yield b"".join(self.data(CP, s, 40, cp=n + k) for k in range(1, 80, 2))
            n += 80

    def extensions(self):
        """30 unknown extensions each"""
        side = tuple((tag, b"e" * 30) for tag in range(0x10, 0x1f))
        while True:
            yield self.data(RED, self.new(), 0, head=side, tail=side)

    def greens(self):
        """a new session of green data each"""
        while True:
            yield self.data(GREEN, self.new(), 0)

    def cancels(self):
        """cancellations of sessions that are guessed"""
        while True:
            yield Segment(CS, originator=self.who, session=self.guess(),
                          reason=1).encode()
            yield Segment(CR, originator=1, session=self.guess(),
                          reason=1).encode()

    def reports(self):
        """reports of sessions that are guessed"""
        while True:
            yield Segment(RS, originator=1, session=self.guess(), rs=9, cp=7,
                          start=0, end=100000,
                          claims=[(0, 1), (50, 100)]).encode()

    def claims(self):
        """reports of 200 claims, of sessions that are guessed"""
        some = [(4 * n, 4 * n + 2) for n in range(200)]
        while True:
            yield Segment(RS, originator=1, session=self.guess(), rs=9, cp=7,
                          start=0, end=1000, claims=some).encode()

    def acks(self):
        """acknowledgments of reports and cancellations that are guessed"""
        while True:
            yield Segment(RA, originator=self.who, session=self.guess(), rs=9).encode()
            yield Segment(CAS, originator=1, session=self.guess()).encode()

    def drip(self):
        """the next octet of one of 200 sessions each"""
        sessions, at = [self.new() for _ in range(200)], 0
        while True:
            for s in sessions:
                yield self.data(RED, s, at)
            at += 1

    def empties(self, service=SERVICE, many=10):
        """blocks of no octets, cancelled once they are delivered, many to a
        datagram"""
        while True:
            some = [self.new() for _ in range(many)]
            yield b"".join(
                self.data(EOB, s, 0, b"", cp=s, service=service) +
                Segment(CS, originator=self.who, session=s, reason=1).encode()
                for s in some)


ALL = ("sessions", "blocks", "offsets", "overlaps", "gaps", "checkpoints",
       "crowded", "extensions", "greens", "cancels", "reports", "claims",
       "acks", "drip", "empties")
