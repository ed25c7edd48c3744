# SPDX-License-Identifier: GPL-2.0
"""Plays a scenario: the peer of a span, and the programs on the kernel's side."""

import errno
import json
import os
import select
import socket
import struct
import subprocess
import time

import app
import codec
from script import Failure, Late, Values, Wanted

SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
SERVICE = 5
# Sessions of the peer that never were: their CAS tells that all is done.
BARRIER = 0xB0000000


def octets(text):
    """"aabb" as bytes; "00x900" is 900 times the octet 0."""
    what, _, times = text.partition("x")
    return bytes.fromhex(what) * int(times or 1)


class World:
    """What all scenarios share."""

    def __init__(self, near, far, virtual):
        self.near, self.far = app.Namespace(near), app.Namespace(far)
        self.virtual = virtual
        # For how long an expected event is waited for, and how late it may
        # be.  Where waiting takes no time machines are never slow.
        slow = int(os.environ.get("LTP_SLOW", 1))
        self.grace = 1 if virtual else 5 * slow
        self.late = 0.1 if virtual else 1 * slow
        self.near.enter()
        self.addresses = {
            "4": (socket.AF_INET, "10.18.1.2", "10.18.1.3", "10.18.1.1"),
            "6": (socket.AF_INET6, "fd18:1::2", "fd18:1::3", "fd18:1::1"),
        }


def ltp(*words, check=True):
    done = subprocess.run(["ltp", *map(str, words)], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise Failure(f"ltp {' '.join(map(str, words))}: "
                      f"{done.stderr.strip() or done.returncode}")
    return done


class Peer:
    """The other engine: one UDP socket that is in the span, two that are not."""

    def __init__(self, world, family, port, kernel_port):
        kind, here, stranger, there = world.addresses[family]
        self.to = (there, kernel_port)
        world.far.enter()
        try:
            self.sockets, self.names, self.poll = {}, {}, select.poll()
            for name, addr, number in (("main", here, port), ("other", here, 0),
                                       ("stranger", stranger, port)):
                s = socket.socket(kind, socket.SOCK_DGRAM)
                self.sockets[name] = s
                s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
                s.setblocking(False)
                s.bind((addr, number))
                self.names[s.fileno()] = name
                self.poll.register(s.fileno(), select.POLLIN)
        finally:
            world.near.enter()

    def send(self, name, data):
        if name not in self.sockets:
            raise Failure(f"from={name}: main, other or stranger")
        self.sockets[name].sendto(data, self.to)

    def receive(self, until):
        """(data, socket, time of arrival), or None if nothing came until then"""
        found = self.poll.poll(max(0, until - time.time()) * 1000)
        if not found:
            return None
        name = self.names[found[0][0]]
        data, control, _, _ = self.sockets[name].recvmsg(65536, 256)
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", value)
                return data, name, seconds + nanoseconds / 1e9
        return data, name, time.time()

    def close(self):
        for s in self.sockets.values():
            s.close()


class Run:
    """One scenario."""

    def __init__(self, script, world, number):
        self.script, self.world = script, world
        # Engines and ports of its own: nothing is left of the one before.
        self.me, self.remote = 100 + number, 9000 + number
        self.port, self.peer_port = 2000 + number, 20000 + number
        self.values = Values(me=self.me, peer=self.remote, port=self.peer_port)
        self.sockets = {}
        self.peer = None
        self.began = self.base = self.marked = time.time()
        # Blocks that the kernel's programs began, and which session is which.
        self.blocks, self.block_of = 0, {}
        self.log = []
        self.seen = set()
        self.pings = 0
        self.group, self.group_step = [], None
        self.put_back = self.barrier_done = self.step = None
        # Where machines are slow a timer may run out before a script goes on.
        self.tolerant = "repeats" in script.header and not world.virtual
        self.sysctls = []

    # --- the frame -------------------------------------------------------

    def span_options(self):
        """What the script says of the span, and what it leaves open."""
        options = {"rate": "unlimited", "reorder": "0s"}
        if self.world.virtual:
            options.update({"owlt": "1200s", "margin": "10s"})
        elif self.script.word("round-trip") == "short":
            slow = int(os.environ.get("LTP_SLOW", 1))
            options["margin"] = f"{500 * slow}ms"
        else:
            options["margin"] = "30s"
        words = self.script.header.get("span", [])
        options.update(zip(words[::2], words[1::2]))
        if "owlt-out" in options:
            options.pop("owlt", None)
        zero = "0s"
        out = options.get("owlt-out", options.get("owlt", zero))
        back = options.get("owlt-in", options.get("owlt", zero))
        # R is when a timer of the span expires, L the light time.
        self.values.times["L"] = self.values.time(out)
        self.values.times["R"] = sum(map(self.values.time,
                                         (out, back, options["margin"])))
        return [word for pair in options.items() for word in pair]

    def run(self):
        family = self.script.word("over", "4")
        address = self.world.addresses[family][1]
        try:
            ltp("engine", "add", self.me, "port", self.port,
                *self.script.header.get("engine", []))
            self.peer = Peer(self.world, family, self.peer_port, self.port)
            ltp("span", "add", "engine", self.me, "to", self.remote, "addr",
                address, "port", self.peer_port, *self.span_options())
            for self.step in self.script.steps:
                for n in range(self.step.repeat or 1):
                    self.values.known["i"] = n
                    self.play(self.step)
            self.step = None
            self.finish_group()
            if "loose" not in self.script.header:
                self.barrier()
        finally:
            self.end()

    def end(self):
        for s in self.sockets.values():
            if not s.closed:
                s.close()
        ltp("engine", "del", self.me, check=False)
        for name, value in self.sysctls:
            self.write_sysctl(name, value)
        if self.peer:
            self.peer.close()

    def play(self, step):
        if step.verb != ">&":
            self.finish_group()
        if not step.repeat:
            self.any_number(step.rest)
            return
        names = {"<": "inject", ">": "expect", ">&": "collect", "ltp!": "ltp_fails"}
        getattr(self, "do_" + names.get(step.verb, step.verb))(step.rest)

    def note(self, what, when=None):
        self.log.append(((when or time.time()) - self.began, what))

    def where(self):
        line = f":{self.step.line}" if self.step else ", at its end"
        text = f": {self.step.text}" if self.step else ""
        return f"{self.script.path}{line}{text}"

    def explain(self, problem):
        """Lines for the log of a failed scenario."""
        # What a slow machine does not explain (harness/guest.sh).
        how = "" if isinstance(problem, Late) else "wrong: "
        out = [f"{how}{self.where()}", f"    {problem}", "what happened, in seconds:"]
        out += [f"  {when:9.3f} {what}" for when, what in self.log[-14:]]
        return out

    # --- segments --------------------------------------------------------

    def origin(self, kind, sender):
        """The sender of a block is the originator in both directions."""
        mine = self.me if sender == "kernel" else self.remote
        other = self.remote if sender == "kernel" else self.me
        return other if kind in codec.BACKWARD else mine

    def octets(self, text):
        """One segment of a datagram, and where it is sent from"""
        if text.startswith("hex "):
            words = text[4:].split()
            source = "main"
            if words and words[-1].startswith("from="):
                source = words.pop()[5:]
            return bytes.fromhex("".join(words)), source
        want, number = Wanted(text), self.values.number
        want.allow("s", "o", "svc", "cp", "rs", "reason", "pad", "ver", "count",
                   "head", "tail", "cut", "fill", "from")
        field = {name: number(value) for name, value in want.fields.items()
                 if name not in ("head", "tail", "fill", "from")}
        seg = codec.Segment(want.type)
        seg.session = field.get("s", self.values.known.get("s"))
        seg.originator = field.get("o", self.origin(want.type, "peer"))
        seg.service = field.get("svc", SERVICE)
        seg.cp, seg.rs = field.get("cp"), field.get("rs")
        seg.reason = field.get("reason", 0)
        if want.range:
            seg.start, seg.end = map(number, want.range)
            if want.type < codec.RS:
                seg.payload = codec.pattern(seg.start, seg.end - seg.start,
                                            seg.session or 0)
                if "fill" in want.fields:
                    seg.payload = bytes([int(want.fields["fill"], 16)]) * \
                        (seg.end - seg.start)
        if want.claims is not None:
            seg.claims = want.ranges(self.values, (seg.start, seg.end))
        seg.extensions = tuple(
            tuple((int(tag, 16), octets(value))
                  for tag, _, value in (e.partition(":") for e in
                                        want.fields.get(side, "").split(",") if e))
            for side in ("head", "tail"))
        try:
            data = seg.encode(field.get("pad", 0), field.get("ver", 0),
                              field.get("count"))
        except TypeError:
            raise Failure(f"{text!r} leaves something out") from None
        if "cut" in field:
            data = data[:-field["cut"]]
        return data, want.fields.get("from", "main")

    def do_inject(self, text):
        data, source = b"", "main"
        for piece in text.split(" | "):
            octets, where = self.octets(piece.strip())
            data += octets
            source = where if where != "main" else source
        self.base = time.time()
        self.note(f"< {text}")
        self.peer.send(source, data)

    def split_window(self, text):
        """(from, to) in seconds, and the rest of an expectation"""
        if text.startswith("["):
            window, _, text = text[1:].partition("]")
            first, last = self.values.window(window)
            if ".." not in window:
                # About then: between sending and noting it a machine may rest.
                first = first - 1 if self.world.virtual else first * 0.8
            return first, last, text.strip()
        return 0, 0, text

    def differs(self, seg, want):
        """(why it is not what the script wants, what to capture)"""
        captured = {}

        def compare(name, value, wanted):
            if wanted == "*":
                return None
            if wanted.startswith("?"):
                captured[wanted[1:]] = value
                return None
            if wanted.startswith("!"):
                ok = value != self.values.number(wanted[1:])
            else:
                ok = value == self.values.number(wanted)
            return None if ok else f"{name} is {value}, not {wanted}"

        wanted = dict(want.fields)
        if seg.type != want.type:
            return "another type", captured
        if seg.at != wanted.pop("at", "main"):
            return f"it came to {seg.at}", captured
        if any(seg.extensions):
            return "extensions", captured
        wanted.setdefault("o", str(self.origin(seg.type, "kernel")))
        wanted.setdefault("s", "$s" if "s" in self.values.known else "?s")
        if seg.type < codec.RS:
            wanted.setdefault("svc", str(SERVICE))
            if seg.type in codec.CHECKPOINTS:
                wanted.setdefault("rs", "0")
                wanted.setdefault("cp", "!0")
            if not self.is_of_its_block(seg):
                return "other bytes than the block has there", captured
        for name, field in (("o", "originator"), ("s", "session"),
                            ("svc", "service"), ("cp", "cp"), ("rs", "rs"),
                            ("reason", "reason")):
            if name in wanted:
                why = compare(name, getattr(seg, field), wanted.pop(name))
                if why:
                    return why, captured
        if wanted:
            raise Failure(f"what is {', '.join(wanted)} in an expectation?")
        if want.range:
            for name, value, text in zip(("start", "end"), (seg.start, seg.end),
                                         want.range):
                why = compare(name, value, text)
                if why:
                    return why, captured
        if want.claims is not None:
            claims = want.ranges(self.values, (seg.start, seg.end))
            if seg.claims != claims:
                return f"claims are not {claims[:12]}", captured
        return None, captured

    def is_of_its_block(self, seg):
        """Whether a segment has the bytes of the one block that its session is."""
        length = seg.end - seg.start
        if seg.session in self.block_of:
            maybe = (self.block_of[seg.session],)
        else:
            taken = self.block_of.values()
            maybe = (b for b in range(1, self.blocks + 1) if b not in taken)
        maybe = [b for b in maybe
                 if seg.payload == codec.pattern(seg.start, length, b)]
        if len(maybe) == 1:
            self.block_of[seg.session] = maybe[0]
        return bool(maybe)

    def next_segment(self, until):
        """(datagram, segment, when), or None; the answers to barriers apart"""
        if self.put_back:
            got, self.put_back = self.put_back, None
            return got
        while True:
            got = self.peer.receive(until)
            if not got:
                return None
            data, at, when = got
            try:
                seg = codec.decode(data)
            except codec.Malformed as e:
                raise Failure(f"the kernel sent what is no segment: {e}: "
                              f"{data[:60].hex()}") from None
            if seg.type == codec.CAS and seg.session >= BARRIER:
                self.barrier_done = seg.session
                return None
            seg.at = at
            self.note(f"> {seg}" + ("" if at == "main" else f" at={at}"), when)
            return data, seg, when

    def any_number(self, text):
        """Takes what matches, and leaves what does not for the next line."""
        want = Wanted(text)
        while True:
            got = self.next_segment(self.base + self.world.grace)
            if not got:
                return
            why, captured = self.differs(got[1], want)
            if why:
                self.put_back = got
                return
            self.values.known.update(captured)
            self.base = got[2]

    def do_expect(self, text):
        self.match([text])

    def do_collect(self, text):
        self.group.append(text)
        self.group_step = self.step

    def finish_group(self):
        """A run of >& lines: all of them, in any order."""
        group, self.group = self.group, []
        if group:
            after, self.step = self.step, self.group_step
            self.match(group)
            self.step = after

    def match(self, texts):
        wanted = []
        for text in texts:
            first, last, text = self.split_window(text)
            wanted.append((first, last, Wanted(text)))
        base = self.base
        while wanted:
            latest = min(last if last is not None else 1e9
                         for _, last, _ in wanted)
            got = self.next_segment(base + latest + self.world.grace)
            if not got:
                texts = " or ".join(w.text for _, _, w in wanted)
                raise Late(f"nothing came; expected {texts}")
            data, seg, when = got
            # What was sent once is sent again if the script is behind.
            whys, kind = [], Late if data in self.seen else Failure
            for entry in wanted:
                first, last, want = entry
                why, captured = self.differs(seg, want)
                if not why and first and when - base < first:
                    why = f"after {when - base:.3f} s, not {first:.3f} s"
                    kind = Late
                if not why and last is not None and                         when - base > last + self.world.late:
                    why = f"after {when - base:.3f} s"
                    kind = Late
                if not why:
                    self.values.known.update(captured)
                    wanted.remove(entry)
                    break
                whys.append(f"{want.text} ({why})")
            else:
                if self.tolerant and data in self.seen:
                    continue
                raise kind(f"expected {' or '.join(whys)}; got {seg}")
            self.seen.add(data)
            self.base = when

    def unexpected(self, until):
        """Fails if anything comes; returns at the answer to a barrier."""
        while True:
            got = self.next_segment(until)
            if not got:
                return
            if not (self.tolerant and got[0] in self.seen):
                kind = Late if got[0] in self.seen else Failure
                raise kind(f"expected nothing; got {got[1]}")

    def barrier(self):
        """Everything the kernel has to say to what was sent so far is here."""
        self.pings += 1
        session = BARRIER + self.pings
        ping = codec.Segment(codec.CS, originator=self.remote, session=session,
                             reason=0)
        self.barrier_done = None
        self.peer.send("main", ping.encode())
        self.unexpected(time.time() + self.world.grace)
        if self.barrier_done != session:
            raise Late("no CAS for the CS of a session that never was")
        # With redundancy there are more of it.
        while self.peer.sockets and self.barrier_done:
            self.barrier_done = None
            self.unexpected(time.time())

    def do_nothing(self, text):
        if not text:
            self.barrier()
            return
        until = time.time() + self.values.time(text)
        # What a slow script let expire is here already.
        self.unexpected(time.time())
        tolerant, self.tolerant = self.tolerant, False
        self.unexpected(until)
        self.tolerant = tolerant

    def do_drain(self, _):
        while self.next_segment(time.time()):
            pass

    def do_wait(self, text):
        time.sleep(self.values.time(text))

    def do_mark(self, _):
        self.marked = time.time()

    def do_took(self, text):
        first, last = self.values.window(text)
        took = time.time() - self.marked
        if took < first or last is not None and took > last + self.world.grace:
            raise Late(f"took {took:.3f} s")

    def do_set(self, text):
        name, _, value = text.partition("=")
        self.values.known[name.strip()] = self.values.number(value.strip())

    # --- programs --------------------------------------------------------

    def socket(self, name):
        if name not in self.sockets:
            raise Failure(f"no socket {name}")
        return self.sockets[name]

    def do_open(self, text):
        name, kind, *words = text.split()
        s = app.LtpSocket(kind)
        self.sockets[name] = s
        for what, value in zip(words[::2], words[1::2]):
            if what == "bind":
                s.bind(self.me, self.values.number(value))
            elif what == "connect":
                s.connect(self.remote, self.values.number(value))
            elif what == "notices":
                kinds = app.ALL if value == "all" else value.split(",")
                if value == "ends":
                    kinds = ("completed", "cancelled")
                s.option(app.NOTICES, sum(1 << app.KINDS[k] for k in kinds))
            elif what in ("sndbuf", "rcvbuf", "segment-size"):
                s.option({"sndbuf": app.SNDBUF, "rcvbuf": app.RCVBUF,
                          "segment-size": app.SEGMENT_SIZE}[what],
                         self.values.number(value))
            else:
                raise Failure(f"what is {what!r}?")

    def do_send(self, text):
        name, length, *words = text.split()
        s, number = self.socket(name), self.values.number
        named = {"red": None, "cookie": None, "error": None}
        more = "more" in words
        if more:
            words.remove("more")
        for what, value in zip(words[::2], words[1::2]):
            if what not in named:
                raise Failure(f"what is {what!r}?")
            named[what] = value if what == "error" else number(value)
        if not s.sent:
            self.blocks += 1
            s.block = self.blocks
        data = codec.pattern(s.sent, number(length), s.block)
        self.base = time.time()
        self.note(f"send {text}")
        try:
            s.send(data, more, named["red"], named["cookie"])
        except OSError as e:
            if named["error"] != errno.errorcode.get(e.errno):
                raise
        else:
            if named["error"]:
                raise Failure("it was sent")

    def do_recv(self, text):
        name, colour, *words = text.split()
        got = self.socket(name).receive(0 if colour == "nothing"
                                        else self.world.grace)
        if colour == "nothing":
            if got:
                raise Failure(f"received {len(got[0])} bytes of session {got[3]}")
            return
        if not got:
            raise Late("received nothing")
        data, whole, origin, session, offset, length, flags = got
        start, end = map(self.values.number, words.pop(0).split(".."))
        wanted, sender = self.values.known.get("s"), self.remote
        content = codec.pattern(start, end - start, session)
        for word in words:
            if word.startswith("s="):
                wanted = self.values.number(word[2:])
            elif word.startswith("o="):
                sender = self.values.number(word[2:])
            elif word.startswith("fill="):
                content = bytes([int(word[5:], 16)]) * (end - start)
            elif word != "eob":
                raise Failure(f"what is {word!r}?")
        is_red, is_eob = bool(flags & app.RX_RED), bool(flags & app.RX_EOB)
        said = f"{'red' if is_red else 'green'} {offset}..{offset + len(data)}" + \
            (" eob" if is_eob else "") + f" of session {session}"
        self.note(f"recv {said}")
        if is_red != (colour == "red") or is_eob != ("eob" in words) or \
                offset != start or len(data) != end - start or session != wanted:
            raise Failure(f"received {said}")
        if origin != sender or length != end - start or not whole:
            raise Failure(f"origin {origin}, length {length}, end {whole}")
        if data != content:
            raise Failure("received other bytes than the block has there")

    def do_notice(self, text):
        name, kind, *words = text.split()
        got = self.socket(name).notice(0 if kind == "none" else self.world.grace)
        if kind == "none":
            if got:
                raise Failure(f"there is a notice: {got}")
            return
        if not got:
            raise Late("no notice")
        self.note(f"notice {got}")
        wanted = dict(w.partition("=")[::2] for w in words)
        errors = wanted.pop("err", None)
        numbers = {k: self.values.number(v) for k, v in wanted.items() if v}
        if "s" in numbers:
            numbers["session"] = numbers.pop("s")
        numbers.setdefault("session", self.values.known.get("s", got.session))
        numbers["kind"] = app.KINDS[kind]
        numbers["flags"] = app.BY_PEER if "by-peer" in wanted else 0
        if errors:
            numbers["err"] = getattr(errno, errors)
        for field, value in numbers.items():
            if getattr(got, field) != value:
                raise Failure(f"{field} is not {value}: {got}")
        self.values.known.setdefault("s", got.session)

    def do_close(self, text):
        name, *words = text.split()
        self.base = time.time()
        self.note(f"close {text}")
        self.socket(name).close(int(words[1]) if words else None)

    def do_shutdown(self, text):
        self.base = time.time()
        self.socket(text).sock.shutdown(socket.SHUT_WR)

    # --- the tool --------------------------------------------------------

    def until(self, check):
        """Asks again until check() finds nothing wrong, or the time is up."""
        last = time.time() + self.world.grace
        while True:
            why = check()
            if not why:
                return
            if time.time() > last:
                raise Late(why)
            time.sleep(0.02)

    def do_counters(self, text):
        wanted = []
        for word in text.split():
            for sign in (">=", "<=", "="):
                name, found, value = word.partition(sign)
                if found:
                    wanted.append((name, sign, self.values.number(value)))
                    break
            else:
                raise Failure(f"what is {word!r}?")

        def check():
            said = json.loads(ltp("-j", "stats", "show", "engine", self.me).stdout)
            stats = said[0].get("stats", said[0])
            wrong = []
            for name, sign, value in wanted:
                if name not in stats:
                    raise Failure(f"no counter {name}")
                have = stats[name]
                if name in ("rx-cancels", "tx-cancel-acks"):
                    # Those of barriers are not the scenario's.
                    have -= self.pings
                if not {"=": have == value, ">=": have >= value,
                        "<=": have <= value}[sign]:
                    wrong.append(f"{name} is {have}")
            return ", ".join(wrong)

        self.until(check)

    def list_sessions(self):
        said = ltp("-j", "session", "show", "engine", self.me).stdout
        return json.loads(said) if said.strip() else []

    def do_sessions(self, text):
        """How many there are"""
        wanted = self.values.number(text)

        def check():
            found = self.list_sessions()
            return "" if len(found) == wanted else f"{len(found)}: {found}"

        self.until(check)

    def do_session(self, text):
        """[NUMBER] FIELD=VALUE..., or gone"""
        words = text.split()
        number = self.values.known.get("s")
        if words and words[0][0] in "$0123456789":
            number = self.values.number(words.pop(0))

        def check():
            found = [s for s in self.list_sessions() if s["number"] == number]
            if words == ["gone"]:
                return f"still there: {found}" if found else ""
            if len(found) != 1:
                return f"no session {number}"
            for word in words:
                name, _, value = word.partition("=")
                have = found[0].get(name)
                if isinstance(have, bool) or not isinstance(have, int):
                    ok = str(have).lower() == value
                else:
                    ok = have == self.values.number(value)
                if not ok:
                    return f"{name} is {have}"
            return ""

        self.until(check)

    def do_ltp(self, text):
        self.base = time.time()
        self.note(f"ltp {text}")
        ltp(*self.values.substitute(text).split())

    def do_ltp_fails(self, text):
        if ltp(*self.values.substitute(text).split(), check=False).returncode == 0:
            raise Failure("it did not fail")

    def write_sysctl(self, name, value):
        path = "/proc/sys/" + name.replace(".", "/")
        with open(path, "r+", encoding="ascii") as f:
            old = f.read().strip()
            f.seek(0)
            f.write(value)
        return old

    def do_sysctl(self, text):
        name, _, value = text.partition("=")
        self.sysctls.insert(0, (name, self.write_sysctl(name, value)))
