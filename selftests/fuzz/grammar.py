# SPDX-License-Identifier: GPL-2.0
"""Whole sessions, bent: what a sender may say, and what none should."""

from codec import CAS, CHECKPOINTS, CP, CR, CAR, CS, EOB, EORP, GEOB, GREEN, RA, RED, RS, sdnv

BLOB = 1 << 20
FIELD_MAX = 10          # octets of a number


def sizes(value):
    """Octets that a number needs."""
    return max(1, (value.bit_length() + 6) // 7)


class Temper:
    """How much an input is bent, and how."""

    # Each is 0 in most inputs.
    RARE = {
        "zero": (0.02, 0.1, 0.5),       # segments without data
        "empty": (0.1, 0.5),            # coalesced buffers that begin with one
        "pad": (0.05, 0.3, 1),          # numbers with zeros in front
        "header": (0.02, 0.1, 0.5),     # extensions
        "trailer": (0.02, 0.1, 0.5),
        "skip": (0.02, 0.1, 0.3),       # gaps that are filled later
        "back": (0.02, 0.1, 0.3),       # overlaps
        "again": (0.02, 0.1, 0.3),      # pieces sent before
        "checkpoint": (0.02, 0.1, 0.5),
        "jump": (0.02, 0.3),            # serials far from the last one
        "crowd": (0.1, 0.5, 1),         # many segments a datagram
        "switch": (0.02, 0.2, 1),       # from one session to another
        "short": (0.02, 0.1, 0.5),      # less than a datagram has room for
        "lie": (0.05, 0.3),             # other bytes at the same place
        "wrong": (0.02, 0.2),           # what contradicts the session
        "control": (0.02, 0.1),         # signals among the data
        "tail": (0.02, 0.2),            # octets behind the last segment
        "cut": (0.02, 0.1),             # datagrams cut short
        "flip": (0.02, 0.1),            # a bit changed
    }
    SELDOM = ("lie", "wrong", "control", "tail", "cut", "flip", "jump")

    def __init__(self, rand):
        for name, values in self.RARE.items():
            chance = 0.12 if name in self.SELDOM else 0.35
            setattr(self, name, rand.choice(values) if rand.random() < chance else 0)

    def __str__(self):
        return " ".join(f"{name}={getattr(self, name)}" for name in self.RARE
                        if getattr(self, name))


class Block:
    """A block on its way: which pieces of it are still to be sent."""

    def __init__(self, grammar, size):
        rand = grammar.rand
        self.rand, self.temper, self.blob = rand, grammar.temper, grammar.blob
        self.originator = grammar.originator
        self.number = grammar.number()
        self.service = grammar.service()
        self.total = size
        self.red = rand.choice((size, size, 0, rand.randrange(size + 1)))
        self.base = rand.randrange(BLOB)
        self.serial = rand.choice((rand.randrange(1, 100), rand.getrandbits(62) + 1))
        self.cursor = 0
        self.holes = []
        self.before = []
        # The next segment has no data.
        self.empty = False

    def done(self):
        return self.cursor >= self.total and not self.holes

    def bytes(self, start, length):
        at = (self.base + start) % BLOB
        return self.blob[at:at + length]

    def next_serial(self):
        far = self.rand.random() < self.temper.jump
        self.serial += self.rand.randrange(1, 1 << 20) if far else 1
        return self.serial

    def choose(self, room):
        """[start, end) of what to send next, in so much room; may be empty."""
        rand, temper = self.rand, self.temper
        if self.empty or rand.random() < temper.zero:
            self.empty = False
            return self.cursor, self.cursor
        if rand.random() < temper.short:
            room = rand.randrange(1, room + 1)
        if self.before and rand.random() < temper.again:
            start, end = rand.choice(self.before)
            return start, min(end, start + room)
        # Behind the end of the red part its gaps are filled first, or last.
        ends = self.cursor >= self.total
        if self.holes and (ends or rand.random() < 0.1):
            start, end = self.holes.pop(0)
            stop = min(end, start + room)
            if stop < end:
                self.holes.insert(0, (stop, end))
            return start, stop
        start = self.cursor
        if start < self.total and rand.random() < temper.skip:
            gap = rand.randrange(1, 4 * room)
            limit = self.red if start < self.red else self.total
            stop = min(start + gap, limit)
            self.holes.append((start, stop))
            rand.shuffle(self.holes)
            start = self.cursor = stop
        if start and rand.random() < temper.back:
            back = rand.randrange(1, min(start, 2 * room) + 1)
            # Red data stays red.
            start = max(start - back, 0 if start <= self.red else self.red)
        limit = self.red if start < self.red else self.total
        end = min(start + room, limit)
        self.cursor = max(self.cursor, end)
        return start, end

    def kind(self, start, end):
        """The type of a piece by where it lies."""
        if start < self.red or (start == end == self.red and self.red):
            if end == self.red:
                return EOB if self.red == self.total else EORP
            checkpoint = self.rand.random() < self.temper.checkpoint
            return CP if checkpoint else RED
        return GEOB if end == self.total else GREEN


class Grammar:
    """One input's sessions, cut into datagrams of wanted sizes."""

    def __init__(self, rand, blob, originator, services, number, size):
        self.rand, self.blob = rand, blob
        self.originator, self.services, self.number = originator, services, number
        self.temper = Temper(rand)
        self.blocks = [Block(self, size()) for _ in range(rand.choice((1, 1, 2, 3, 4)))]
        self.now = self.blocks[0]
        self.counts = {}
        # Segments that are read one by one take time: seldom there are thousands.
        self.left = rand.choice((100, 200, 400, 400)) if rand.random() < 0.95 else 6000

    def service(self):
        known = self.rand.random() < 0.98
        return self.rand.choice(self.services) if known else self.rand.getrandbits(40) + 9

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def done(self):
        return self.left <= 0 or all(b.done() for b in self.blocks)

    def block(self):
        """Whose turn it is."""
        self.left -= 1
        left = [b for b in self.blocks if not b.done()]
        if self.now.done() or self.rand.random() < self.temper.switch:
            self.now = self.rand.choice(left) if left else self.rand.choice(self.blocks)
        return self.now

    def head(self, kind, block, service, start, length, serials, grow, extensions):
        """A data segment's header, its numbers longer by those in grow."""
        head, tail = extensions
        out = bytes([kind])
        out += sdnv(block.originator, grow[0])
        out += sdnv(block.number, grow[1])
        out += bytes([len(head) << 4 | len(tail)]) + b"".join(head)
        out += sdnv(service, grow[2])
        out += sdnv(start, grow[3])
        out += sdnv(length, grow[4])
        for n, serial in enumerate(serials):
            out += sdnv(serial, grow[5 + n])
        return out

    def extension(self, size):
        """One of so many octets in all, two at least."""
        value = max(0, size - 1 - sizes(size))
        length = size - 1 - value
        return (bytes([self.rand.randrange(256)]) + sdnv(value, length - sizes(value)) +
                self.rand.randbytes(value))

    def extensions(self):
        rand, temper, out = self.rand, self.temper, []
        for chance in temper.header, temper.trailer:
            some = []
            if rand.random() < chance:
                for _ in range(rand.choice((1, 1, 2, 15))):
                    some.append(self.extension(rand.choice((2, 3, rand.randrange(2, 40)))))
            out.append(some)
        return out

    def segment(self, room, exact):
        """One data segment of at most, or exactly, so many octets, or None."""
        rand, temper = self.rand, self.temper
        block = self.block()
        extensions = self.extensions()
        service, grow = block.service, [0] * 7
        if rand.random() < temper.pad:
            grow = [rand.choice((0, 0, rand.randrange(8))) for _ in grow]
        # As if it were a checkpoint at the end of a long segment.
        fixed = 2 + sum(map(sizes, (block.originator, block.number, service,
                                    block.cursor))) + 1
        fixed += sum(len(e) for side in extensions for e in side)
        if room < fixed + 1:
            extensions, grow = [[], []], [0] * 7
            fixed = 2 + sum(map(sizes, (block.originator, block.number, service,
                                        block.cursor))) + 1
            if room < fixed:
                return None
        start, end = block.choose(max(1, room - fixed - (room > 140) - (room > 16400)))
        kind = block.kind(start, end)
        serials = ()
        if kind in CHECKPOINTS:
            serials = block.next_serial(), 0
            if rand.random() < 0.1 + temper.wrong:
                serials = serials[0], rand.getrandbits(14)
        kind, service, start, end = self.wrong(block, kind, service, start, end)
        if kind in CHECKPOINTS and not serials:
            serials = block.next_serial(), 0
        return self.fit(block, kind, service, start, end, serials, grow, extensions,
                        room, exact)

    def wrong(self, block, kind, service, start, end):
        """What contradicts the session, now and then."""
        rand = self.rand
        if rand.random() >= self.temper.wrong:
            return kind, service, start, end
        self.count("wrong")
        what = rand.randrange(5)
        if what == 0:
            kind = rand.choice((RED, CP, EORP, EOB, GREEN, GEOB))
        elif what == 1:
            service = rand.choice(self.services)
        elif what == 2:
            move = rand.choice((1, 127, rand.getrandbits(20), rand.getrandbits(63)))
            start, end = start + move, end + move
        elif what == 3 and start:
            move = rand.randrange(1, start + 1)
            start, end = start - move, end - move
        else:
            kind = rand.choice((EORP, EOB, GEOB))
        return kind, service, start, end

    def fit(self, block, kind, service, start, end, serials, grow, extensions, room,
            exact):
        """Has it fill the room: less data, or longer numbers."""
        whole = end
        tail = b"".join(extensions[1])
        while True:
            if kind in CHECKPOINTS and end < whole:
                kind, serials = RED, ()
            elif kind == GEOB and end < whole:
                kind = GREEN
            head = self.head(kind, block, service, start, end - start, serials, grow,
                             extensions)
            slack = room - len(head) - (end - start) - len(tail)
            if slack >= 0:
                break
            if end > start:
                end = max(start, end + slack)
            elif any(grow) or any(extensions):
                grow, extensions, tail = [0] * 7, [[], []], b""
            else:
                self.back(block, start, whole)
                return None
        if end < whole:
            self.back(block, end, whole)
        if exact and slack:
            self.stretch(grow, slack, extensions, (block.originator, block.number,
                         service, start, end - start) + tuple(serials))
            tail = b"".join(extensions[1])
            head = self.head(kind, block, service, start, end - start, serials, grow,
                             extensions)
        for name, present in (("zero-length", start == end), ("padded", any(grow)),
                              ("extended", any(extensions)), ("large", end > 20000),
                              ("checkpoint", kind in CHECKPOINTS)):
            if present:
                self.count(name)
        if start == end and len(head) + len(tail) == room and exact:
            self.count("zero-length and full")
        block.before.append((start, end))
        payload = block.bytes(start, end - start)
        if self.rand.random() < self.temper.lie:
            self.count("lie")
            payload = self.rand.randbytes(len(payload))
        return head + payload + tail

    def back(self, block, start, end):
        """That much had no room after all."""
        if start < end <= block.total:
            block.holes.insert(0, (start, end))

    def stretch(self, grow, slack, extensions, values):
        """Longer by so many octets, as far as that goes."""
        rand = self.rand
        way = rand.randrange(3)
        if way == 0 or slack == 1:
            order = list(range(len(values)))
            rand.shuffle(order)
            for n in order:
                more = min(slack, FIELD_MAX - sizes(values[n]) - grow[n])
                if more > 0:
                    grow[n] += more
                    slack -= more
        if slack >= 2:
            side = extensions[rand.randrange(2)]
            if len(side) < 15:
                side.append(self.extension(slack))

    def control(self, room):
        """A signal, mostly of a session that has no use for it."""
        rand = self.rand
        block = rand.choice(self.blocks)
        number = rand.choice((block.number, rand.getrandbits(62)))
        kind = rand.choice((RA, RA, CS, CAS, CR, CAR, RS))
        originator = rand.choice((block.originator, 1)) if kind != CS else block.originator
        out = bytes([kind]) + sdnv(originator) + sdnv(number) + b"\0"
        if kind == RA:
            out += sdnv(rand.getrandbits(30) + 1)
        elif kind in (CS, CR):
            out += bytes([rand.randrange(6)])
        elif kind == RS:
            upper = rand.randrange(1, 10000)
            out += sdnv(rand.getrandbits(14) + 1) + sdnv(1) + sdnv(upper) + b"\0\1\0" + sdnv(upper)
        self.count("control")
        return out if len(out) <= room else None

    def datagram(self, size, empty=False):
        """A datagram of so many octets, or fewer if nothing is left to say; one
        that is all header, if it shall be empty."""
        rand, temper = self.rand, self.temper
        out = []
        left = size
        if empty:
            piece = self.empty(size)
            if piece:
                return piece
        crowd = rand.random() < temper.crowd
        tiny = crowd and (rand.random() < 0.3 or self.left > 1000)
        while left:
            if rand.random() < temper.control:
                piece = self.control(left)
            elif crowd and len(out) < 4000:
                some = min(left, rand.randrange(12, 40) if tiny else
                           rand.randrange(1, left + 1) + 12)
                piece = self.segment(some, some == left)
            else:
                piece = self.segment(left, True)
            if piece is None:
                break
            out.append(piece)
            left -= len(piece)
            if self.done() and rand.random() < 0.9:
                break
        if len(out) > 1:
            self.count("several a datagram")
        if len(out) > 1000:
            self.count("a thousand a datagram")
        return self.bend(b"".join(out), size)

    def empty(self, size):
        """A data segment without data that has exactly so many octets, or None."""
        left = [b for b in self.blocks if not b.done()]
        if not left:
            return None
        self.now = self.rand.choice(left)
        self.now.empty = True
        piece = self.segment(size, True)
        if piece and len(piece) == size and not self.now.empty:
            self.count("empty first")
        return piece

    def bend(self, data, size):
        rand, temper = self.rand, self.temper
        if rand.random() < temper.tail and len(data) < size:
            self.count("tail")
            data += rand.randbytes(rand.randrange(1, min(size - len(data), 20) + 1))
        if data and rand.random() < temper.cut:
            self.count("cut")
            data = data[:rand.randrange(1, len(data) + 1)]
        if data and rand.random() < temper.flip:
            self.count("flip")
            at = rand.randrange(min(len(data), rand.choice((20, 70000))))
            data = data[:at] + bytes([data[at] ^ 1 << rand.randrange(8)]) + data[at + 1:]
        if not data:
            data = rand.choice((bytes(4), rand.randbytes(max(1, min(size, 30)))))[:size]
        return data

    def coalesced(self, stride, most):
        """Datagrams of one size, the last perhaps shorter, no more than most."""
        out = []
        for _ in range(most):
            data = self.datagram(stride, not out and self.rand.random() < self.temper.empty)
            if len(data) < stride:
                # What is too short in the middle is filled: all have one size.
                if self.done() or self.rand.random() < 0.2:
                    out.append(data)
                    break
                data += self.rand.randbytes(stride - len(data))
            out.append(data)
            if self.done() and self.rand.random() < 0.7:
                break
        return out


def cancels(originator, numbers):
    """CS of each, in datagrams."""
    out, one = [], b""
    for number in numbers:
        one += bytes([CS]) + sdnv(originator) + sdnv(number) + b"\0\0"
        if len(one) > 500:
            out.append(one)
            one = b""
    return out + [one] if one else out


def acks(pairs, originator):
    """RA of each (session, serial), in datagrams."""
    out, one = [], b""
    for number, serial in pairs:
        one += bytes([RA]) + sdnv(originator) + sdnv(number) + b"\0" + sdnv(serial)
        if len(one) > 450:
            out.append(one)
            one = b""
    return out + [one] if one else out
