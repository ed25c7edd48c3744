# SPDX-License-Identifier: GPL-2.0
"""Segments of RFC 5326, written and read independently of the kernel's code.

Everything can be written, also what no engine should: a script may pad
numbers, cut segments short and use types that do not exist.
"""

NAMES = {
    "RED": 0, "CP": 1, "EORP": 2, "EOB": 3, "GREEN": 4, "GEOB": 7,
    "RS": 8, "RA": 9, "CS": 12, "CAS": 13, "CR": 14, "CAR": 15,
}
TYPES = {number: name for name, number in NAMES.items()}
RED, CP, EORP, EOB, GREEN, GEOB = 0, 1, 2, 3, 4, 7
RS, RA, CS, CAS, CR, CAR = 8, 9, 12, 13, 14, 15
CHECKPOINTS = (1, 2, 3)
DATA = (0, 1, 2, 3, 4, 7)
# Written by the receiver of a block, so the session belongs to the other one.
BACKWARD = (8, 13, 14)


class Malformed(Exception):
    """What was received is no segment."""


def sdnv(value, pad=0):
    """A number; pad octets of zero bits in front, which RFC 6256 allows."""
    out = [value & 0x7F]
    value >>= 7
    while value:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return b"\x80" * pad + bytes(reversed(out))


def pattern(start, length, block=0):
    """The bytes of a block: which they are depends on where they are, and on which
    block it is."""
    start += block % 65521 * 7919
    return bytes((i * 167 + (i >> 8) * 13 + (i >> 16) * 7) & 0xFF
                 for i in range(start, start + length))


class Segment:
    """One segment, or what a script wants of one."""

    def __init__(self, kind, **fields):
        self.type = kind
        self.originator = self.session = None
        self.service = self.start = self.end = None
        self.cp = self.rs = self.reason = None
        self.claims = None
        self.payload = None
        self.extensions = ((), ())
        for name, value in fields.items():
            setattr(self, name, value)

    def encode(self, pad=0, version=0, count=None):
        """Octets; count is the number of claims that is written instead."""
        def number(value):
            return sdnv(value, pad)

        head, tail = self.extensions
        out = bytes([version << 4 | self.type])
        out += number(self.originator) + number(self.session)
        out += bytes([len(head) << 4 | len(tail)])
        for tag, value in head:
            out += bytes([tag]) + number(len(value)) + value
        if self.type < RS:
            out += number(self.service) + number(self.start)
            out += number(self.end - self.start)
            if self.type in CHECKPOINTS:
                out += number(self.cp) + number(self.rs or 0)
            out += self.payload
        elif self.type == RS:
            out += number(self.rs) + number(self.cp or 0)
            out += number(self.end) + number(self.start)
            out += number(len(self.claims) if count is None else count)
            out += b"".join(number(a - self.start) + number(b - a)
                            for a, b in self.claims)
        elif self.type == RA:
            out += number(self.rs)
        elif self.type in (CS, CR):
            out += bytes([self.reason])
        for tag, value in tail:
            out += bytes([tag]) + number(len(value)) + value
        return out

    def __str__(self):
        out = [TYPES.get(self.type, f"TYPE{self.type}"),
               f"o={self.originator}", f"s={self.session}"]
        if self.start is not None:
            out.append(f"{self.start}..{self.end}")
        for name in ("service", "cp", "rs", "reason"):
            value = getattr(self, name)
            if value is not None:
                out.append(f"{name}={value}")
        if self.claims is not None:
            some = " ".join(f"{a}..{b}" for a, b in self.claims[:12])
            more = len(self.claims) - 12
            out.append("{" + some + (f" and {more} more" if more > 0 else "") + "}")
        if any(self.extensions):
            out.append(f"extensions={self.extensions}")
        return " ".join(out)


class Reader:
    """Reads one datagram, which the kernel fills with exactly one segment."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def octets(self, n):
        piece = self.data[self.at:self.at + n]
        if len(piece) < n:
            raise Malformed(f"ends at octet {len(self.data)}, {n} more wanted")
        self.at += n
        return piece

    def octet(self):
        return self.octets(1)[0]

    def number(self):
        first = self.at
        value = 0
        while True:
            octet = self.octet()
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                break
        if self.at - first > 10 or value >> 64:
            raise Malformed(f"number of {self.at - first} octets at {first}")
        if self.at - first > 1 and self.data[first] == 0x80:
            raise Malformed(f"padded number at {first}")
        return value

    def extensions(self, n):
        found = []
        for _ in range(n):
            tag = self.octet()
            found.append((tag, self.octets(self.number())))
        return tuple(found)

    def segment(self):
        octet = self.octet()
        if octet >> 4:
            raise Malformed(f"version {octet >> 4}")
        if octet not in TYPES:
            raise Malformed(f"type {octet}")
        seg = Segment(octet)
        seg.originator, seg.session = self.number(), self.number()
        octet = self.octet()
        head = self.extensions(octet >> 4)
        if seg.type < RS:
            self.data_segment(seg)
        elif seg.type == RS:
            self.report(seg)
        elif seg.type == RA:
            seg.rs = self.number()
        elif seg.type in (CS, CR):
            seg.reason = self.octet()
        seg.extensions = (head, self.extensions(octet & 15))
        if self.at < len(self.data):
            raise Malformed(f"{len(self.data) - self.at} octets behind: {seg}")
        return seg

    def data_segment(self, seg):
        seg.service, seg.start = self.number(), self.number()
        length = self.number()
        seg.end = seg.start + length
        if seg.type in CHECKPOINTS:
            seg.cp, seg.rs = self.number(), self.number()
        seg.payload = self.octets(length)

    def report(self, seg):
        seg.rs, seg.cp = self.number(), self.number()
        seg.end, seg.start = self.number(), self.number()
        seg.claims = []
        for _ in range(self.number()):
            start = seg.start + self.number()
            seg.claims.append((start, start + self.number()))


def decode(data):
    """The segment that a datagram consists of."""
    return Reader(data).segment()
