# SPDX-License-Identifier: GPL-2.0
"""What an engine must do with datagrams, one after the other.

It reads the octets itself, knows nothing of buffers, and keeps no more of a
session than RFC 5326 has to be obeyed: so it says what must come whatever the
stack has joined or cut before the engine saw it.
"""

from bisect import bisect_right

from codec import CHECKPOINTS, CR, CS, DATA, EOB, EORP, GEOB, GREEN, RA, RS, TYPES

KEEPALIVE = bytes(4)
SDNV_MAX = 10
# Segments of one buffer that are read one by one; others are lost.
SEGMENTS_MAX = 1024
# How far the serials of one session may be apart, see net/ltp/past.c.
SERIALS_NEAR, SERIALS_FAR = 16, 1024
SAME, UNSURE, OTHER = range(3)


class Malformed(Exception):
    """Nothing more can be read from this datagram."""


class Spans:
    """A set of numbers, as ranges that ascend and do not touch."""

    def __init__(self):
        self.starts, self.ends = [], []
        self.total = 0

    def add(self, start, end):
        """The parts that were not in it before, which are now."""
        if start >= end:
            return []
        starts, ends = self.starts, self.ends
        first = bisect_right(starts, start)
        if first and ends[first - 1] >= start:
            first -= 1
        last = first
        new = []
        at = start
        low, high = start, end
        while last < len(starts) and starts[last] <= end:
            if at < starts[last]:
                new.append((at, starts[last]))
            at = max(at, ends[last])
            low, high = min(low, starts[last]), max(high, ends[last])
            last += 1
        if at < end:
            new.append((at, end))
        starts[first:last] = [low]
        ends[first:last] = [high]
        self.total += sum(b - a for a, b in new)
        return new

    def holds(self, start, end):
        """Whether all of [start, end) is in it."""
        if start >= end:
            return True
        n = bisect_right(self.starts, start)
        return n > 0 and self.ends[n - 1] >= end

    def __str__(self):
        return " ".join(f"{a}..{b}" for a, b in zip(self.starts, self.ends)) or "nothing"


class Item:
    """What one delivery hands to the reader: a red part or a green segment."""

    def __init__(self, session, red, offset, data, eob):
        self.session = session
        self.red, self.offset, self.data, self.eob = red, offset, data, eob
        # It may come or not, if the sender contradicted itself in this buffer.
        self.optional = False

    def __str__(self):
        colour = "red" if self.red else "green"
        return (f"{colour} o={self.session.originator} s={self.session.number} "
                f"{self.offset}..{self.offset + len(self.data)}"
                f"{' eob' if self.eob else ''}{' optional' if self.optional else ''}")


class Session:
    """An import session."""

    def __init__(self, originator, number, service):
        self.originator, self.number, self.service = originator, number, service
        self.held = Spans()     # red bytes taken in
        self.sent = Spans()     # red bytes that ever came
        self.pieces = []
        self.serials = set()
        self.red_length = self.length = None
        self.red_max = self.green_max = 0
        self.green_min = None
        self.delivered = False
        self.ended = False      # nothing more of it comes
        self.acked = False      # a report of it was acknowledged
        self.cp_first = self.cp_last = None
        self.wrong = False      # its sender contradicted itself
        self.cancelled = False  # its sender gave it up
        self.must_claim = False
        self.claims = Spans()
        self.recent = []        # items of the buffer that comes in

    def may_have_ended(self):
        """All came, and the last report may have been acknowledged."""
        return self.ended or (self.acked and self.delivered and self.length is not None)

    def checkpoint(self, serial):
        """Serials that came, but for those far before the last."""
        if self.cp_first is None or serial < self.cp_first - SERIALS_FAR or \
           serial > self.cp_last + SERIALS_FAR:
            self.cp_first = self.cp_last = serial
        self.cp_first = min(self.cp_first, serial)
        self.cp_last = max(self.cp_last, serial)

    def contradicts(self, seg):
        """Whether it cannot be of this session, when that has ended."""
        if self.wrong:
            return False
        if self.length is not None and (seg.end > self.length or (
                seg.type in (EOB, GEOB) and seg.end != self.length)):
            return True
        if self.red_length is None:
            return False
        if seg.type >= GREEN:
            return seg.start < self.red_length
        return seg.end > self.red_length or (seg.type in (EORP, EOB) and
                                             seg.end != self.red_length)

    def kin(self, seg, ended):
        """Whether it is of this session, of which all red data came, or of a later
        one of the same number."""
        if seg.service != self.service or self.contradicts(seg):
            return OTHER
        if seg.type not in CHECKPOINTS or not self.delivered:
            return UNSURE
        if self.cp_first <= seg.cp <= self.cp_last:
            return SAME
        last = seg.type in (EORP, EOB)
        if seg.cp < self.cp_first:
            behind = self.cp_first - seg.cp
            if behind > (SERIALS_NEAR if last else SERIALS_FAR):
                return OTHER
            if behind > SERIALS_NEAR:
                return UNSURE
        elif seg.cp - self.cp_last > SERIALS_NEAR:
            return OTHER
        return UNSURE if ended or last else SAME


class Reader:
    """Reads numbers of a datagram."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def octet(self):
        if self.at >= len(self.data):
            raise Malformed
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        data, at, value = self.data, self.at, 0
        for n in range(at, min(at + SDNV_MAX, len(data))):
            octet = data[n]
            value = value << 7 | octet & 0x7F
            if octet < 0x80:
                if value >> 64:
                    raise Malformed
                self.at = n + 1
                return value
        raise Malformed

    def serial(self):
        value = self.number()
        if not value:
            raise Malformed
        return value

    def extensions(self, n):
        for _ in range(n):
            self.octet()
            length = self.number()
            if length > len(self.data) - self.at:
                raise Malformed
            self.at += length


class Segment:
    """One segment of a datagram; from where to where its payload is."""

    __slots__ = ("type", "originator", "session", "service", "start", "end",
                 "cp", "rs", "payload", "stop")


def parse(data, at):
    """The segment at this place."""
    r = Reader(data, at)
    s = Segment()
    s.type = r.octet()
    if s.type not in TYPES:
        raise Malformed
    s.originator, s.session = r.number(), r.number()
    extensions = r.octet()
    r.extensions(extensions >> 4)
    if s.type in DATA:
        s.service, s.start = r.number(), r.number()
        length = r.number()
        s.end = s.start + length
        if s.type in CHECKPOINTS:
            s.cp, s.rs = r.serial(), r.number()
        if length > len(data) - r.at or s.end >> 64:
            raise Malformed
        s.payload = r.at
        r.at += length
    elif s.type == RS:
        parse_report(r)
    elif s.type == RA:
        s.rs = r.serial()
    elif s.type in (CS, CR):
        r.octet()
    r.extensions(extensions & 15)
    s.stop = r.at
    return s


def parse_report(r):
    r.serial()
    r.number()
    upper, lower, count = r.number(), r.number(), r.number()
    if lower >= upper or count > (len(r.data) - r.at) // 2:
        raise Malformed
    last = None
    for _ in range(count):
        start, length = r.number(), r.number()
        if not length or start + length > upper - lower:
            raise Malformed
        if last is not None and start <= last:
            raise Malformed
        last = start + length


def attempts(data):
    """Segments of a datagram that are read, or that cannot be."""
    at = n = 0
    while at < len(data) and data != KEEPALIVE:
        n += 1
        try:
            at = parse(data, at).stop
        except Malformed:
            break
    return n


class Engine:
    """The engine: who may send to it, and for which services it has sockets."""

    def __init__(self, originators, services, block_max):
        self.originators = originators
        self.queues = {service: [] for service in services}
        self.block_max = block_max
        self.sessions = {}
        self.segments = self.malformed = 0
        # Sessions that ended, or may have, when their number came again: what
        # comes of which of both then depends on what was in one buffer.
        self.vague = set()
        # Those of which some data was for a service without a socket.
        self.refused = set()

    def buffer(self, originator, datagrams):
        """Takes in what one peer sent, perhaps in one buffer: either one datagram,
        or no more segments than are read of one buffer."""
        for data in datagrams:
            self.datagram(originator, data)
        for s in self.sessions.values():
            s.recent = []

    def datagram(self, originator, data):
        if data == KEEPALIVE:
            return
        at, budget = 0, SEGMENTS_MAX
        while at < len(data) and budget:
            budget -= 1
            try:
                s = parse(data, at)
            except Malformed:
                self.malformed += 1
                return
            self.segments += 1
            if s.originator == originator:
                if s.type in DATA:
                    self.data(s, data)
                elif s.type == CS:
                    self.cancel(s)
            at = s.stop

    def cancel(self, seg):
        s = self.sessions.get((seg.originator, seg.session))
        if s:
            s.ended = s.cancelled = True

    def data(self, seg, data):
        key = seg.originator, seg.session
        s = self.sessions.get(key)
        if not s:
            if seg.service not in self.queues:
                self.refused.add(key)
                return
            s = self.sessions[key] = Session(*key, seg.service)
        if key in self.vague:
            return
        if self.is_other(s, seg):
            self.vague.add(key)
            s.ended = True
            return
        if s.service != seg.service:
            return
        if seg.type < GREEN:
            s.sent.add(seg.start, seg.end)
        if seg.type in CHECKPOINTS:
            fresh = seg.cp not in s.serials
            s.serials.add(seg.cp)
        if s.ended:
            return
        if seg.type in CHECKPOINTS:
            if s.delivered and s.kin(seg, False) == UNSURE:
                return
            s.checkpoint(seg.cp)
        payload = data[seg.payload:seg.payload + seg.end - seg.start]
        ok = self.green(s, seg, payload) if seg.type >= GREEN else \
            self.red(s, seg, payload)
        if not ok:
            s.ended = s.wrong = True
            for item in s.recent:
                item.optional = True
        elif seg.type in CHECKPOINTS and fresh and s.delivered and s.red_length:
            s.must_claim = True

    def is_other(self, s, seg):
        """Whether it may be taken for a segment of a later session."""
        if s.ended and s.wrong and not s.cancelled:
            # It waits for its cancellation to be acknowledged.
            return False
        ended = s.may_have_ended()
        if not ended and (not s.delivered or seg.type not in CHECKPOINTS):
            return False
        kin = s.kin(seg, ended)
        # If it answers a report it may be one of the same after all.
        return kin == OTHER or (kin == UNSURE and not ended and bool(seg.rs))

    def deliver(self, s, item):
        item.optional = s.may_have_ended()
        self.queues[s.service].append(item)
        s.recent.append(item)

    def red(self, s, seg, payload):
        """False if it contradicts what came before."""
        end = seg.end
        if s.green_min is not None and end > s.green_min:
            return False
        if s.red_length is not None and end > s.red_length:
            return False
        if s.length is not None and end > s.length:
            return False
        if seg.type in (EORP, EOB):
            if s.red_length not in (None, end) or end < s.red_max:
                return False
            s.red_length = end
        if seg.type == EOB:
            if s.length not in (None, end) or end < s.green_max:
                return False
            s.length = end
        if end > self.block_max:
            return False
        s.red_max = max(s.red_max, end)
        if s.delivered:
            return True
        for a, b in s.held.add(seg.start, end):
            s.pieces.append((a, payload[a - seg.start:b - seg.start]))
        if s.red_length is not None and s.held.total == s.red_length:
            s.pieces.sort()
            whole = b"".join(piece for _, piece in s.pieces)
            self.deliver(s, Item(s, True, 0, whole, s.length == s.red_length))
            s.delivered = True
        return True

    def green(self, s, seg, payload):
        """Likewise."""
        start, end = seg.start, seg.end
        if start < s.red_max:
            return False
        if s.length is not None and end > s.length:
            return False
        if seg.type == GEOB and (s.length not in (None, end) or end < s.green_max):
            return False
        s.green_min = start if s.green_min is None else min(s.green_min, start)
        s.green_max = max(s.green_max, end)
        if start < end:
            self.deliver(s, Item(s, False, start, payload, seg.type == GEOB))
        if seg.type == GEOB:
            s.length = end
            if not s.delivered and not s.red_max:
                s.ended = True
        return True

    def report(self, seg):
        """What is wrong with a report that it sent, or None; codec.Segment."""
        s = self.sessions.get((seg.originator, seg.session))
        if not s:
            return "of a session that is not"
        if (seg.originator, seg.session) in self.vague:
            return None
        if seg.cp not in s.serials:
            return f"answers checkpoint {seg.cp}, which was not sent"
        came = s.sent if s.wrong or s.cancelled else s.held
        for a, b in seg.claims:
            if not came.holds(a, b):
                return f"claims {a}..{b} of {came}"
            s.claims.add(a, b)
        return None

    def acked(self, seg):
        """The sender acknowledged a report: it may be the last."""
        self.sessions[seg.originator, seg.session].acked = True

    def unclaimed(self):
        """Sessions of which a report that claims all is still to come."""
        return [s for s in self.sessions.values()
                if s.must_claim and not s.wrong and not s.cancelled and
                (s.originator, s.number) not in self.vague and
                not s.claims.holds(0, s.red_length)]
