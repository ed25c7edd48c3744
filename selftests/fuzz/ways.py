# SPDX-License-Identifier: GPL-2.0
"""Ways into an engine, each with a peer, and a shape of buffer of its own.

	in "far"	      in "near", engine 1
	whole-far -------- whole-near	segments of one buffer, uncut
	gro-far ---------- gro-near	cut by the sender, joined by GRO
	list-far --------- list-near	likewise, rx-gro-list
	mtu-far ---------- mtu-near	large datagrams as fragments
	fwd-far -- "mid" -- fwd-near	joined and handed on by a router
			   lo		uncut
			   tun, tap	whatever a virtual machine says
"""

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import subprocess

SOL_UDP, UDP_SEGMENT = 17, 103
SEGMENTS_MAX = 64
PORT, PEER = 1113, 2113
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_TAP, IFF_NAPI, IFF_NAPI_FRAGS = 1, 2, 0x10, 0x20
IFF_NO_PI, IFF_VNET_HDR = 0x1000, 0x4000
NEEDS_CSUM, DATA_VALID = 1, 2
GSO_NONE, GSO_TCPV4, GSO_UFO, GSO_TCPV6, GSO_L4, GSO_ECN = 0, 1, 3, 4, 5, 0x80
MAC_NEAR, MAC_FAR = "02:00:00:00:12:01", "02:00:00:00:12:02"
PAGE = 4096
FRAGS_MAX = 17


class Unusable(Exception):
    """The test cannot run here."""


def run(command, netns=None):
    words = (["ip", "netns", "exec", netns] if netns else []) + command.split()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unusable(f"{command}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def addresses(net, family):
    """(near, far) of one network"""
    if family == socket.AF_INET:
        return f"10.19.{net}.1", f"10.19.{net}.2"
    return f"fd19:{net:x}::1", f"fd19:{net:x}::2"


def prefix(family):
    return "/24" if family == socket.AF_INET else "/64 nodad"


class Way:
    """How datagrams get to the engine.  What shapes it has are methods that
    take datagrams and return those that were handed over: all, or none if the
    stack refused."""

    def __init__(self, name, family, originator, most, mtu):
        self.name, self.family, self.originator = name, family, originator
        self.most, self.mtu = most, mtu
        self.shapes = [self.single]
        self.used = {}
        self.refused = 0
        # How the last buffer was sent, for who reads of it.
        self.note = ""

    def single(self, rand, datagrams):
        raise NotImplementedError

    def send(self, rand, shape, datagrams):
        self.note = ""
        sent = shape(rand, datagrams)
        if sent:
            self.used[shape.__name__] = self.used.get(shape.__name__, 0) + 1
        else:
            self.refused += 1
        return sent

    def wait(self, seconds):
        """Whether an answer is there in time."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def fileno(self):
        raise NotImplementedError

    def drain(self):
        """The answers that are there."""
        raise NotImplementedError


class UdpWay(Way):
    """A UDP socket, in the namespace that the thread is in."""

    def __init__(self, name, family, originator, near, far, **others):
        super().__init__(name, family, originator, others.get("most", 65487),
                         others.get("mtu", 65487))
        self.to = near, PORT
        self.socks = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
        self.socks[0].bind((far, PEER))
        self.socks[1].bind((far, 0))
        for sock in self.socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.socks[0].setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
        if others.get("segments", True):
            self.shapes.append(self.segments)
        self.shapes.append(self.several)

    def sock(self, rand):
        return self.socks[rand.random() < 0.2]

    def single(self, rand, datagrams):
        for data in datagrams:
            self.socks[0].sendto(data, self.to)
        return datagrams

    def several(self, rand, datagrams):
        sock = self.sock(rand)
        for data in datagrams:
            sock.sendto(data, self.to)
        return datagrams

    def segments(self, rand, datagrams):
        """All of one size, but the last: by one call."""
        control = []
        if len(datagrams) > 1:
            control = [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", len(datagrams[0])))]
        try:
            self.sock(rand).sendmsg([b"".join(datagrams)], control, 0, self.to)
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.EMSGSIZE):
                raise
            return []
        return datagrams

    def fileno(self):
        return self.socks[0].fileno()

    def drain(self):
        out = []
        with contextlib.suppress(BlockingIOError):
            while True:
                out.append(self.socks[0].recv(70000, socket.MSG_DONTWAIT))
        return out


def ones(data):
    """Their sum in ones' complement, not yet inverted."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class TunWay(Way):
    """A tun or tap device: packets are made by hand, and so is what a virtual
    machine would say of them."""

    def __init__(self, name, family, originator, near, far, tap=False):
        header = 20 if family == socket.AF_INET else 40
        most = 65535 - header - 8 - (300 if tap else 0)
        super().__init__(name, family, originator, most, most)
        self.tap = tap
        self.near, self.far = (socket.inet_pton(family, a) for a in (near, far))
        self.number = 0
        flags = IFF_NO_PI | IFF_VNET_HDR
        flags |= IFF_TAP | IFF_NAPI | IFF_NAPI_FRAGS if tap else IFF_TUN
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        if tap:
            run(f"ip link set {name} address {MAC_NEAR}")
        run(f"ip link set {name} mtu 65521 up" if tap else f"ip link set {name} mtu 65535 up")
        run(f"ip addr add {near}{prefix(family)} dev {name}")
        if tap:
            run(f"ip neigh replace {far} lladdr {MAC_FAR} dev {name} nud permanent")
        self.kinds = {}
        self.shapes += [self.segments, self.one, self.bad]
        if family == socket.AF_INET and not tap:
            self.shapes.append(self.fragments)

    def fileno(self):
        return self.fd

    def ip(self, length, protocol=17, fragment=0):
        """An IP header for so many octets behind it."""
        if self.family == socket.AF_INET:
            head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, self.number & 0xFFFF,
                               fragment, 64, protocol, 0, self.far, self.near)
            return head[:10] + struct.pack(">H", 0xFFFF & ~ones(head)) + head[12:]
        return struct.pack(">IHBB16s16s", 6 << 28, length, protocol, 64, self.far, self.near)

    def udp(self, rand, payload, whole):
        """Header and payload; the sum is whole, or that of the pseudo header."""
        length = 8 + len(payload)
        pseudo = self.far + self.near + struct.pack(">IHBB", length, 0, 0, 17)
        port = PEER if rand.random() < 0.8 else PEER + 1
        head = struct.pack(">HHHH", port, PORT, length, 0)
        total = ones(pseudo + head + payload) if whole else ones(pseudo)
        total = (0xFFFF & ~total or 0xFFFF) if whole else total
        return head[:6] + struct.pack(">H", total) + payload

    def write(self, rand, flags, kind, size, packet, start, offset, at):
        """Hands a packet over; whether the kernel took it.

        start and offset say where the checksum is; at is where the payload
        begins.
        """
        self.number += 1
        ether = b""
        if self.tap:
            ethertype = 0x0800 if self.family == socket.AF_INET else 0x86DD
            ether = bytes.fromhex((MAC_NEAR + MAC_FAR).replace(":", "")) + \
                struct.pack(">H", ethertype)
            at += len(ether)
            start += len(ether)
        packet = ether + packet
        # How much shall be linear: where that ends is where pages begin.
        hint = rand.choice((0, at, at, at + rand.randrange(1, 80),
                            rand.randrange(at, len(packet) + 1), len(packet)))
        hint = min(hint, len(packet))
        if not flags & NEEDS_CSUM:
            start = offset = 0
        elif hint and hint < start + offset + 2:
            hint = at
        header = struct.pack("=BBHHHH", flags, kind, hint, size, start, offset)
        try:
            os.writev(self.fd, [header] + self.cuts(rand, packet, at))
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.EMSGSIZE):
                raise
            self.kinds[kind, False] = self.kinds.get((kind, False), 0) + 1
            return False
        self.note += f" flags={flags} gso_type={kind} gso_size={size} hdr_len={hint}"
        self.kinds[kind, True] = self.kinds.get((kind, True), 0) + 1
        return True

    def cuts(self, rand, packet, at):
        """The packet in pieces: each is a fragment, of a tap device."""
        if not self.tap:
            return [packet]
        least = -(-(len(packet) - at) // PAGE)
        # The first holds the headers, and more or less of the rest.
        first = at + rand.choice((0, 0, 1, 7, rand.randrange(120)))
        if least >= FRAGS_MAX - 1:
            first = at + 240
        out = [packet[:first]]
        rest = packet[first:]
        n = min(FRAGS_MAX, rand.choice((1, 2, 5, FRAGS_MAX)))
        while rest:
            n -= 1
            most = min(PAGE, len(rest))
            need = len(rest) - PAGE * max(n, 0)
            size = most if need >= most or n <= 0 else rand.randrange(max(1, need), most + 1)
            out.append(rest[:size])
            rest = rest[size:]
        return out

    def head(self):
        return 20 if self.family == socket.AF_INET else 40

    def single(self, rand, datagrams):
        for data in datagrams:
            packet = self.udp(rand, data, True)
            if not self.write(rand, 0, GSO_NONE, 0, self.ip(len(packet)) + packet, 0, 0,
                              self.head() + 8):
                return []
        return datagrams

    def segments(self, rand, datagrams):
        """Datagrams of one size, but the last, as one."""
        if len(datagrams) == 1:
            return self.one(rand, datagrams)
        packet = self.udp(rand, b"".join(datagrams), False)
        packet = self.ip(len(packet)) + packet
        return datagrams if self.write(rand, NEEDS_CSUM, GSO_L4, len(datagrams[0]), packet,
                                       self.head(), 6, self.head() + 8) else []

    def one(self, rand, datagrams):
        """One datagram each, whatever the header says of it."""
        out = []
        for data in datagrams:
            kind = rand.choice((GSO_NONE, GSO_UFO, GSO_UFO, GSO_TCPV4, GSO_TCPV6,
                                GSO_TCPV4 | GSO_ECN, GSO_TCPV6 | GSO_ECN, GSO_L4))
            size = 0
            flags, start, offset = NEEDS_CSUM, self.head(), 6
            if kind == GSO_NONE:
                flags = rand.choice((0, NEEDS_CSUM, DATA_VALID))
            elif kind == GSO_L4:
                # What is not larger than one is none.
                size = rand.randrange(len(data) + 8, 65535)
            else:
                size = rand.choice((1, 8, rand.randrange(1, 100), rand.randrange(1, 65535)))
            if kind & ~GSO_ECN in (GSO_TCPV4, GSO_TCPV6):
                # Taken without a look at what the packet is, if that is said.
                offset = 16
            packet = self.udp(rand, data, not flags & NEEDS_CSUM)
            if kind & ~GSO_ECN in (GSO_TCPV4, GSO_TCPV6) and len(packet) < 20:
                continue
            if self.write(rand, flags, kind, size, self.ip(len(packet)) + packet, start,
                          offset, self.head() + 8):
                out.append(data)
        return out

    def bad(self, rand, datagrams):
        """Datagrams that do not arrive as they left."""
        for data in datagrams:
            packet = self.udp(rand, data, True)
            sums = (0, struct.unpack(">H", packet[6:8])[0] ^ 1 << rand.randrange(16))
            wrong = rand.choice(sums)
            if wrong == 0xFFFF and sums[1] ^ wrong == 0xFFFF:
                wrong = 0
            packet = packet[:6] + struct.pack(">H", wrong) + packet[8:]
            self.write(rand, 0, GSO_NONE, 0, self.ip(len(packet)) + packet, 0, 0,
                       self.head() + 8)
        self.used["bad"] = self.used.get("bad", 0) + 1
        return []

    def fragments(self, rand, datagrams):
        """Each as IP fragments, cut where nobody cuts."""
        out = []
        for data in datagrams:
            packet = self.udp(rand, data, True)
            if len(packet) < 16:
                continue
            most = max(8, len(packet) // 8 // rand.choice((2, 3, 10, 60)) * 8)
            pieces, at = [], 0
            while at < len(packet):
                size = rand.choice((most, max(8, rand.randrange(8, most + 1) & ~7)))
                pieces.append((at, packet[at:at + size]))
                at += size
            if rand.random() < 0.3:
                rand.shuffle(pieces)
            self.number += 1
            number = self.number
            for at, piece in pieces:
                self.number = number
                more = 0x2000 if at + len(piece) < len(packet) else 0
                self.write(rand, 0, GSO_NONE, 0,
                           self.ip(len(piece), fragment=at // 8 | more) + piece, 0, 0, 20)
            out.append(data)
        return out

    def drain(self):
        out = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(self.fd, 70000)[10 + (14 if self.tap else 0):]
                if packet[0] >> 4 == 4 and packet[9] == 17:
                    out.append(packet[28:])
                elif packet[0] >> 4 == 6 and packet[6] == 17:
                    out.append(packet[48:])
        return out


class World:
    """The namespaces, their devices, and the ways."""

    def __init__(self, namespace):
        self.names = {n: f"ltp-{n}-{os.getpid()}" for n in ("near", "mid", "far")}
        for name in self.names.values():
            run(f"ip netns add {name}")
            run(f"ip -n {name} link set lo up")
        self.ns = {n: namespace(name) for n, name in self.names.items()}
        self.ways = []
        self.nets = 0

    def close(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False)

    def link(self, name, near="near", far="far", mtu=65535):
        run(f"ip link add {name}-{near} netns {self.names[near]} mtu {mtu} type veth "
            f"peer name {name}-{far} netns {self.names[far]} mtu {mtu}")
        for side in near, far:
            run(f"ip -n {self.names[side]} link set {name}-{side} up")

    def address(self, side, device, address, family):
        run(f"ip -n {self.names[side]} addr add {address}{prefix(family)} dev {device}")

    def features(self, side, device, words):
        run(f"ethtool -K {device} {words}", self.names[side])

    def direct(self, name, family, **others):
        """A way over a link of its own."""
        self.nets += 1
        near, far = addresses(self.nets, family)
        self.address("near", f"{name}-near", near, family)
        self.address("far", f"{name}-far", far, family)
        self.ns["far"].enter()
        self.add(UdpWay(name + ("4" if family == socket.AF_INET else "6"), family,
                        9 + self.nets, near, far, **others), far)

    def add(self, way, far):
        self.ns["near"].enter()
        run(f"ltp span add to {way.originator} addr {far} port {PEER} rate unlimited "
            f"reorder 0s margin 1h max-imports 0")
        self.ways.append(way)

    def make(self):
        """Everything; the thread is then in near."""
        families = socket.AF_INET, socket.AF_INET6
        self.ns["near"].enter()
        run("ltp engine add 1 max-imports 1000000")
        # What is answered is never too much.
        for name, value in (("answers", 1000000), ("rmem", "4096 67108864 268435456")):
            with open(f"/proc/sys/net/ltp/{name}", "w", encoding="ascii") as f:
                f.write(f"{value}\n")
        for name in "whole", "gro", "list":
            self.link(name)
        for name in "gro", "list":
            self.features("far", f"{name}-far", "tso off tx-udp-segmentation off")
            self.features("near", f"{name}-near", "gro on")
        self.features("near", "list-near", "rx-gro-list on rx-udp-gro-forwarding on")
        for family in families:
            for name in "whole", "gro", "list":
                self.direct(name, family)
        self.link("mtu", mtu=576)
        self.direct("mtu", families[0], segments=False)
        self.link("mtv", mtu=1280)
        self.direct("mtv", families[1], segments=False)
        self.routed(families[0])
        self.loop()
        for tap in False, True:
            for family in families:
                self.nets += 1
                near, far = addresses(self.nets, family)
                name = ("tap" if tap else "tun") + ("4" if family == families[0] else "6")
                self.ns["near"].enter()
                self.add(TunWay(name, family, 9 + self.nets, near, far, tap), far)
        self.ns["near"].enter()

    def routed(self, family):
        self.nets += 1
        near, far = addresses(self.nets, family)
        self.nets += 1
        hop_far, hop_near = "10.19.200.1", "10.19.201.1"
        far, near = "10.19.200.2", "10.19.201.2"
        self.link("fwd", "mid", "far", mtu=9000)
        self.link("out", "near", "mid", mtu=9000)
        for side, device, address in (("mid", "fwd-mid", hop_far), ("far", "fwd-far", far),
                                      ("mid", "out-mid", hop_near), ("near", "out-near", near)):
            self.address(side, device, address, family)
        run(f"ip -n {self.names['far']} route add {near} via {hop_far}")
        run(f"ip -n {self.names['near']} route add {far} via {hop_near}")
        run("sysctl -q -w net.ipv4.ip_forward=1", self.names["mid"])
        self.features("far", "fwd-far", "tso off tx-udp-segmentation off")
        self.features("mid", "fwd-mid", "gro on rx-udp-gro-forwarding on rx-gro-list on")
        self.ns["far"].enter()
        self.add(UdpWay("routed4", family, 9 + self.nets, near, far, mtu=8972), far)

    def loop(self):
        self.nets += 1
        self.ns["near"].enter()
        self.add(UdpWay("loop4", socket.AF_INET, 9 + self.nets, "127.0.0.1", "127.0.0.9"),
                 "127.0.0.9")
