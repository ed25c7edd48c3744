#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The codec of net/ltp against decoders and an encoder that know nothing of it.

Scapy and tshark read what segment_cli builds and, of the known vectors, what
they are able to read.  Left out is what these decoders get wrong: tshark takes
no CAS and CAR, no SDNV of ten octets and no report bound from 2^31 on; neither
sees a second segment of a datagram or a trailer.  There the encoder below,
a dozen lines, stands in.

Prints TAP.  segment_cli is looked for in $O, or beside this file.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

CLI = os.path.join(os.environ.get("O", os.path.dirname(__file__) or "."),
                   "segment_cli")
TYPES = (0, 1, 2, 3, 4, 7, 8, 9, 12, 13, 14, 15)
DATA = (0, 1, 2, 3, 4, 7)
CHECKPOINTS = (1, 2, 3)
# Client services that tshark hands to dissectors of their own.
SERVICES_TAKEN = (1, 2)
COUNT = 2000


# --- The codec under test ------------------------------------------------

def cli(verb, lines=()):
    done = subprocess.run([CLI, verb], input="".join(l + "\n" for l in lines),
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def to_line(seg):
    words = []
    for key, value in seg.items():
        if key == "claims":
            words += ["claim=%d-%d" % claim for claim in value]
        elif key == "payload":
            words.append("payload=" + value.hex())
        else:
            words.append("%s=%d" % (key, value))
    return " ".join(words)


def from_line(line):
    seg = {}
    for word in line.split(" "):
        key, value = word.split("=")
        if key == "claim":
            start, stop = value.split("-")
            seg.setdefault("claims", []).append((int(start), int(stop)))
        elif key == "payload":
            seg[key] = bytes.fromhex(value)
        else:
            seg[key] = int(value)
    if seg.get("type") == 8:
        seg.setdefault("claims", [])
    return seg


def build(segs):
    return [bytes.fromhex(l) for l in cli("build", map(to_line, segs))]


def parse(segments):
    return [from_line(l) for l in cli("parse", (s.hex() for s in segments))]


# --- The reference -------------------------------------------------------

def sdnv(value, pad=0):
    octets = [value & 0x7f]
    while value > 0x7f:
        value >>= 7
        octets.insert(0, 0x80 | (value & 0x7f))
    return bytes([0x80] * min(pad, 10 - len(octets)) + octets)


def reference(seg, pad=0, header_ext=(), trailer_ext=()):
    def number(value):
        return sdnv(value, random.randint(0, pad))

    def tlvs(extensions):
        return b"".join(bytes([tag]) + number(len(value)) + value
                        for tag, value in extensions)

    kind = seg["type"]
    out = bytes([kind]) + number(seg["originator"]) + number(seg["session"])
    out += bytes([len(header_ext) << 4 | len(trailer_ext)]) + tlvs(header_ext)
    if kind in DATA:
        out += number(seg["service"]) + number(seg["offset"])
        out += number(len(seg["payload"]))
        if kind in CHECKPOINTS:
            out += number(seg["cp_serial"]) + number(seg["rs_serial"])
        out += seg["payload"]
    elif kind == 8:
        for key in ("rs_serial", "cp_serial", "upper", "lower"):
            out += number(seg[key])
        out += number(len(seg["claims"]))
        for start, stop in seg["claims"]:
            out += number(start - seg["lower"]) + number(stop - start)
    elif kind == 9:
        out += number(seg["rs_serial"])
    elif kind in (12, 14):
        out += bytes([seg["reason"]])
    return out + tlvs(trailer_ext)


def random_number(bits, low=0):
    """Every length is as likely as any other."""
    return max(low, random.getrandbits(random.randint(1, bits)))


def random_segment(bits, bound_bits=None, types=TYPES):
    kind = random.choice(types)
    seg = {"type": kind, "originator": random_number(bits),
           "session": random_number(bits)}
    if kind in DATA:
        seg["service"] = random_number(bits)
        while seg["service"] in SERVICES_TAKEN:
            seg["service"] = random_number(bits)
        seg["payload"] = random.randbytes(random.randint(1, 300))
        seg["offset"] = min(random_number(bits),
                            (1 << bits) - 1 - len(seg["payload"]))
    if kind in CHECKPOINTS:
        seg["cp_serial"] = random_number(bits, 1)
        seg["rs_serial"] = random_number(bits)
    if kind == 8:
        seg["rs_serial"] = random_number(bits, 1)
        seg["cp_serial"] = random_number(bits)
        seg["upper"] = random_number(bound_bits or bits, 1)
        seg["lower"] = random.randrange(seg["upper"])
        edges = set()
        for _ in range(2 * random.randint(1, 12)):
            edges.add(random.randint(seg["lower"], seg["upper"]))
        edges = sorted(edges)
        claims = list(zip(edges[::2], edges[1::2]))
        seg["claims"] = claims or [(seg["lower"], seg["upper"])]
    if kind == 9:
        seg["rs_serial"] = random_number(bits, 1)
    if kind in (12, 14):
        seg["reason"] = random.randrange(6)
    return seg


def random_extensions():
    return [(random.randrange(256), random.randbytes(random.randrange(200)))
            for _ in range(random.choice((0, 0, 1, 2, 15)))]


def differences(want, got, what):
    """Those of the fields of `want` that `got` has and that differ."""
    return ["%s: %s is %r, not %r" % (what, key, got[key], want[key])
            for key in want if key in got and got[key] != want[key]]


# --- Scapy ---------------------------------------------------------------

def scapy_decode(octets):
    from scapy.contrib.ltp import LTP

    pkt = LTP(octets)
    seg = {"type": pkt.flags, "originator": pkt.SessionOriginator,
           "session": pkt.SessionNumber}
    if pkt.flags in DATA:
        seg["service"] = pkt.DATA_ClientServiceID
        seg["offset"] = pkt.DATA_PayloadOffset
        seg["payload"] = b"".join(bytes(p) for p in pkt.LTP_Payload)
    if pkt.flags in CHECKPOINTS:
        seg["cp_serial"] = pkt.CheckpointSerialNo
        seg["rs_serial"] = pkt.ReportSerialNo
    if pkt.flags == 8:
        seg["rs_serial"] = pkt.ReportSerialNo
        seg["cp_serial"] = pkt.ReportCheckpointSerialNo
        seg["upper"] = pkt.ReportUpperBound
        seg["lower"] = pkt.ReportLowerBound
        seg["claims"] = []
        for claim in pkt.ReportReceptionClaims:
            start = seg["lower"] + claim.ReceptionClaimOffset
            seg["claims"].append((start, start + claim.ReceptionClaimLength))
    if pkt.flags == 9:
        seg["rs_serial"] = pkt.RA_ReportSerialNo
    if pkt.flags == 12:
        seg["reason"] = pkt.CancelFromSenderReason
    if pkt.flags == 14:
        seg["reason"] = pkt.CancelFromReceiverReason
    return seg


def with_scapy():
    # Scapy speaks of missing optional parts when it is imported.
    import logging
    logging.getLogger("scapy").setLevel(logging.ERROR)
    try:
        import scapy.contrib.ltp
        from scapy.contrib.sdnv import SDNVUtil
    except ImportError:
        return "no Scapy"
    SDNVUtil.setMax(2 ** 64 - 1)
    return None


# --- tshark --------------------------------------------------------------

TSHARK_FIELDS = (
    "ltp.type", "ltp.session.orig", "ltp.session.number",
    "ltp.data.client.id", "ltp.data.offset", "ltp.data.length",
    "ltp.data.chkp", "ltp.data.rpt", "ltp.rpt.sno", "ltp.rpt.chkp",
    "ltp.rpt.ub", "ltp.rpt.lb", "ltp.rpt.clm.off", "ltp.rpt.clm.len",
    "ltp.rpt.ack.sno", "ltp.cancel.code", "_ws.malformed")


def write_pcap(path, segments):
    with open(path, "wb") as f:
        # Link type 101: each packet begins with its IP header.
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for i, seg in enumerate(segments):
            udp = struct.pack("!HHHH", 1113, 1113, 8 + len(seg), 0) + seg
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64,
                             17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
            f.write(struct.pack("<IIII", i, 0, len(ip + udp), len(ip + udp)))
            f.write(ip + udp)


def tshark_decode(segments):
    with tempfile.TemporaryDirectory() as tmp:
        pcap = os.path.join(tmp, "ltp.pcap")
        write_pcap(pcap, segments)
        cmd = ["tshark", "-n", "-r", pcap, "-T", "fields", "-E",
               "occurrence=a", "-E", "aggregator=,"]
        for field in TSHARK_FIELDS:
            cmd += ["-e", field]
        done = subprocess.run(cmd, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, check=True,
                              env=dict(os.environ, HOME=tmp))
    return [tshark_segment(dict(zip(TSHARK_FIELDS, line.split("\t"))))
            for line in done.stdout.split("\n")[:-1]]


def tshark_segment(row):
    def numbers(field):
        return [int(v, 0) for v in row[field].split(",") if v]

    seg = {"malformed": bool(row["_ws.malformed"])}
    for key, fields in (
            ("type", ("ltp.type",)),
            ("originator", ("ltp.session.orig",)),
            ("session", ("ltp.session.number",)),
            ("service", ("ltp.data.client.id",)),
            ("offset", ("ltp.data.offset",)),
            ("length", ("ltp.data.length",)),
            ("cp_serial", ("ltp.data.chkp", "ltp.rpt.chkp")),
            ("rs_serial", ("ltp.data.rpt", "ltp.rpt.sno", "ltp.rpt.ack.sno")),
            ("upper", ("ltp.rpt.ub",)),
            ("lower", ("ltp.rpt.lb",)),
            ("reason", ("ltp.cancel.code",))):
        for field in fields:
            if numbers(field):
                seg[key] = numbers(field)[0]
    if "lower" in seg:
        seg["claims"] = [
            (seg["lower"] + offset, seg["lower"] + offset + length)
            for offset, length in zip(numbers("ltp.rpt.clm.off"),
                                      numbers("ltp.rpt.clm.len"))]
    return seg


def with_tshark():
    return None if shutil.which("tshark") else "no tshark"


# --- Tests: each returns what is wrong, or why it can not run ------------


def test_reference_builds_the_same():
    segs = [random_segment(64) for _ in range(COUNT)]
    return ["%s: %s, not %s" % (to_line(seg), got.hex(), reference(seg).hex())
            for seg, got in zip(segs, build(segs)) if got != reference(seg)]


def test_parse_gives_the_fields_back():
    segs = [random_segment(64) for _ in range(COUNT)]
    octets = []
    want = []
    for seg in segs:
        header = random_extensions()
        trailer = random_extensions()
        one = reference(seg, random.choice((0, 0, 3, 9)), header, trailer)
        octets.append(one)
        want.append(dict(seg, n_header_ext=len(header),
                         n_trailer_ext=len(trailer), len=len(one)))
    wrong = []
    for w, g, o in zip(want, parse(octets), octets):
        if not w.keys() <= g.keys():
            wrong.append("%s: %r" % (o.hex(), g))
        wrong += differences(w, g, o.hex())
    return wrong


def test_scapy_reads_what_is_built():
    reason = with_scapy()
    if reason:
        return reason
    segs = [random_segment(64) for _ in range(COUNT // 2)]
    wrong = []
    for seg, octets in zip(segs, build(segs)):
        got = scapy_decode(octets)
        if not seg.keys() <= got.keys():
            wrong.append("%s: %r" % (octets.hex(), got))
        wrong += differences(seg, got, octets.hex())
    return wrong


def test_tshark_reads_what_is_built():
    reason = with_tshark()
    if reason:
        return reason
    types = [t for t in TYPES if t not in (13, 15)]
    segs = [random_segment(32, 31, types) for _ in range(COUNT)]
    octets = build(segs)
    wrong = []
    decoded = tshark_decode(octets)
    if len(decoded) != len(segs):
        return ["%d packets of %d" % (len(decoded), len(segs))]
    for seg, got, one in zip(segs, decoded, octets):
        want = dict(seg, malformed=False)
        payload = want.pop("payload", None)
        if payload is not None:
            want["length"] = len(payload)
        if not want.keys() <= got.keys():
            wrong.append("%s: %r" % (one.hex(), got))
        wrong += differences(want, got, one.hex())
    return wrong


def vectors():
    """The good ones, by number: octets and what parsing gives."""
    known = {}
    for line in cli("vectors"):
        err, octets, name = line.split("\t")
        if err == "0":
            octets = bytes.fromhex(octets)
            known[name.split()[0]] = octets, parse([octets])[0]
    return known


def test_scapy_reads_the_vectors():
    reason = with_scapy()
    if reason:
        return reason
    wrong = []
    for name, (octets, want) in vectors().items():
        wrong += differences(want, scapy_decode(octets), name)
    return wrong


def test_tshark_reads_the_vectors():
    reason = with_tshark()
    if reason:
        return reason
    # 10-octet SDNVs, CAS, CAR and a trailer.
    known = {name: v for name, v in vectors().items()
             if name not in ("S8", "S10", "S11", "S14")}
    wrong = []
    for (name, (_, want)), got in zip(
            known.items(), tshark_decode([o for o, _ in known.values()])):
        if "type" not in got:
            wrong.append(name + ": not dissected")
        wrong += differences(want, got, name)
    return wrong


def main():
    random.seed(5326)
    tests = [(name[len("test_"):], test) for name, test in globals().items()
             if name.startswith("test_")]
    failed = False
    print("TAP version 13")
    print("1..%d" % len(tests))
    for i, (name, test) in enumerate(tests, 1):
        wrong = test()
        if isinstance(wrong, str):
            print("ok %d - %s # SKIP %s" % (i, name, wrong))
            continue
        for line in wrong[:10]:
            print("# " + line)
        print("%sok %d - %s" % ("not " if wrong else "", i, name))
        failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
