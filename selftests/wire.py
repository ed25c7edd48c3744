#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks a capture of wire.sh against RFC 5326.

Segments are decoded by an own reader that insists on minimal SDNVs, and some
of them by Scapy too.  Prints "ok NAME", "bad NAME" and what is wrong.
"""

import struct
import sys

PORT = 1113
RS, RA = 8, 9
RED, RED_LAST, GREEN, GREEN_LAST = 0, 3, 4, 7
CHECKPOINTS = (1, 2, 3)


class Wrong(Exception):
    """A segment that is not as it should be."""


def sdnv(data, at):
    """One number, which must not be longer than it needs to be."""
    if data[at] == 0x80:
        raise Wrong(f"padded SDNV at {at}")
    value = 0
    while True:
        octet = data[at]
        at += 1
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            return value, at


class Segment:
    """One segment that fills its datagram, and nothing behind it."""

    def __init__(self, data, when):
        self.data, self.when, self.size = data, when, len(data)
        if data[0] >> 4:
            raise Wrong(f"version {data[0] >> 4}")
        self.type = data[0]
        self.originator, at = sdnv(data, 1)
        self.session, at = sdnv(data, at)
        if data[at]:
            raise Wrong("extensions")
        at += 1
        if self.type < RS:
            at = self.read_data(at)
        elif self.type == RS:
            at = self.read_report(at)
        elif self.type == RA:
            self.serial, at = sdnv(data, at)
        elif self.type in (12, 14):
            at += 1
        if at != len(data):
            raise Wrong(f"type {self.type}: {len(data)} octets, read {at}")

    def read_data(self, at):
        data = self.data
        self.service, at = sdnv(data, at)
        self.offset, at = sdnv(data, at)
        self.length, at = sdnv(data, at)
        self.cp_serial = self.rs_serial = 0
        if self.type in CHECKPOINTS:
            self.cp_serial, at = sdnv(data, at)
            self.rs_serial, at = sdnv(data, at)
        return at + self.length

    def read_report(self, at):
        data = self.data
        self.serial, at = sdnv(data, at)
        self.cp_serial, at = sdnv(data, at)
        self.upper, at = sdnv(data, at)
        self.lower, at = sdnv(data, at)
        count, at = sdnv(data, at)
        self.claims = []
        for _ in range(count):
            start, at = sdnv(data, at)
            length, at = sdnv(data, at)
            self.claims.append((self.lower + start, self.lower + start + length))
        return at


class Session:
    """All segments of a block, in the order of the capture."""

    def __init__(self):
        self.data, self.reports, self.acks, self.other = [], [], [], []

    def add(self, seg):
        if seg.type < RS:
            self.data.append(seg)
        elif seg.type == RS:
            self.reports.append(seg)
        elif seg.type == RA:
            self.acks.append(seg)
        else:
            self.other.append(seg)


def read_pcap(name):
    """UDP payloads, and whether they came from engine 1."""
    with open(name, "rb") as f:
        raw = f.read()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", raw)
    if magic not in (0xA1B2C3D4, 0xA1B23C4D) or link != 1:
        raise SystemExit(f"not a capture of Ethernet: {magic:#x} {link}")
    at = 24
    while at + 16 <= len(raw):
        caplen, length = struct.unpack_from("<II", raw, at + 8)
        frame = raw[at + 16:at + 16 + caplen]
        at += 16 + caplen
        if caplen != length or frame[12:14] != b"\x08\x00":
            raise SystemExit("a cut or foreign frame")
        ip = frame[14:]
        udp = ip[(ip[0] & 15) * 4:]
        sport, dport, ulen = struct.unpack_from(">HHH", udp)
        yield udp[8:ulen], ip[15] == 1, sport, dport


CHECKS = []


def check(function):
    """A check: its first line of documentation is its name."""
    CHECKS.append(function)
    return function


def expect(condition, what):
    if not condition:
        raise Wrong(what)


def of(sessions, service):
    found = [s for s in sessions.values()
             if s.data and s.data[0].service == service]
    expect(found, f"no session of service {service}")
    return found


def first_pass(session):
    """The segments up to the checkpoint that ends the block."""
    for n, seg in enumerate(session.data):
        if seg.type in (RED_LAST, GREEN_LAST):
            return session.data[:n + 1]
    raise Wrong("no end of the block")


@check
def ports(_, datagrams):
    """every datagram is from and to port 1113"""
    for _, _, sport, dport in datagrams:
        expect(sport == PORT and dport == PORT, f"from {sport} to {dport}")


@check
def originators(sessions, _):
    """the originator is the sending engine in both directions"""
    expect({number[0] for number in sessions} == {1}, f"{set(sessions)}")


def check_red(session, size, wire):
    data = first_pass(session)
    at = 0
    for seg in data[:-1]:
        expect(seg.type == RED, f"type {seg.type} within the block")
        expect(seg.offset == at, f"offset {seg.offset} instead of {at}")
        expect(seg.size == wire, f"{seg.size} octets at {at}, not {wire}")
        at += seg.length
    last = data[-1]
    expect(last.offset == at and at + last.length == size,
           f"the end: {last.offset}+{last.length}, not {at} to {size}")
    expect(last.size <= wire, f"the end: {last.size} octets")
    expect(last.cp_serial, "checkpoint serial 0")
    expect(last.rs_serial == 0, "report serial of the first checkpoint")


@check
def red_block(sessions, _):
    """a red block: types, offsets, one size but of the last, EORP CP EOB with its serial"""
    session, = of(sessions, 5)
    check_red(session, 100000, 1472)


@check
def large_block(sessions, _):
    """a red block of 2.2 MB at MTU 9000: the same while offsets grow beyond 2^21"""
    session, = of(sessions, 9)
    check_red(session, 2200000, 8972)


@check
def small_blocks(sessions, _):
    """small blocks: one segment that is EORP CP EOB each"""
    found = of(sessions, 6)
    expect(len(found) == 20, f"{len(found)} sessions")
    for session in found:
        check_red(session, 100, 1472)
        expect(first_pass(session)[0].type == RED_LAST, "its type")


@check
def green_block(sessions, _):
    """a green block: types, offsets, one size but of the last, no reports"""
    session, = of(sessions, 8)
    at = 0
    for n, seg in enumerate(session.data):
        last = n == len(session.data) - 1
        expect(seg.type == (GREEN_LAST if last else GREEN), f"type {seg.type}")
        expect(seg.offset == at, f"offset {seg.offset} instead of {at}")
        expect(seg.size == 1472 or last and seg.size < 1472, f"{seg.size} octets")
        at += seg.length
    expect(at == 100000, f"{at} bytes")
    expect(not session.reports and not session.acks, "reports")


@check
def reports(sessions, _):
    """a report answers each checkpoint, and claims all of the block in the end"""
    for session in sessions.values():
        if session.data[0].type >= GREEN:
            continue
        answered = {rs.cp_serial for rs in session.reports}
        for seg in session.data:
            expect(not seg.cp_serial or seg.cp_serial in answered,
                   f"checkpoint {seg.cp_serial} has no report")
        size = max(seg.offset + seg.length for seg in session.data)
        held = set()
        for rs in session.reports:
            expect(rs.serial and rs.lower < rs.upper <= size,
                   f"report {rs.serial}: {rs.lower} to {rs.upper}")
            at = rs.lower
            for start, end in rs.claims:
                expect(at <= start < end <= rs.upper, f"claim {start} to {end}")
                held.add((start, end))
                at = end + 1
        at = 0
        for start, end in sorted(held):
            expect(start <= at, f"never claimed: {at} to {start}")
            at = max(at, end)
        expect(at == size, f"claimed {at} of {size}")


@check
def acks(sessions, _):
    """a report-acknowledgment answers each report"""
    for session in sessions.values():
        expect({rs.serial for rs in session.reports} ==
               {ra.serial for ra in session.acks}, "serials differ")


@check
def gaps(sessions, _):
    """what a report leaves out comes again, and ends with a checkpoint of its serial"""
    session, = of(sessions, 7)
    gappy = {rs.serial: rs for rs in session.reports
             if rs.claims != [(rs.lower, rs.upper)]}
    expect(gappy, "no report with a gap")
    answers = {seg.rs_serial: seg for seg in session.data if seg.rs_serial}
    expect(answers, "no checkpoint names a report")
    for serial, seg in answers.items():
        expect(serial in gappy, f"a checkpoint of report {serial}, which had no gap")
        rs = gappy[serial]
        for start, end in rs.claims:
            expect(not start <= seg.offset < end, f"sent again: {seg.offset}")
    serials = [seg.cp_serial for seg in session.data if seg.cp_serial]
    expect(serials == sorted(serials), f"checkpoint serials {serials}")
    expect(len(serials) < 2 or serials[-1] > serials[0], "one serial only")


@check
def no_cancel(sessions, _):
    """nothing was cancelled"""
    for session in sessions.values():
        expect(not session.other, "cancel segments")


def scattered(numbers, what):
    """As random numbers are: all different, in no order, of all sizes."""
    expect(len(set(numbers)) == len(numbers), f"{what} repeat: {numbers}")
    steps = {b - a for a, b in zip(numbers, numbers[1:])}
    expect(len(steps) > len(numbers) // 2, f"{what} count: {numbers}")
    expect(max(numbers) - min(numbers) > 1 << 26, f"{what} are near: {numbers}")
    expect(numbers != sorted(numbers), f"{what} rise: {numbers}")


@check
def random_numbers(sessions, _):
    """session numbers, first checkpoint and report serials are random"""
    red = [(k, s) for k, s in sessions.items() if s.reports]
    expect(len(red) >= 20, f"{len(red)} sessions")
    scattered([k[1] for k, _ in red], "session numbers")
    scattered([first_pass(s)[-1].cp_serial for _, s in red], "checkpoint serials")
    scattered([s.reports[0].serial for _, s in red], "report serials")


@check
def small_numbers(sessions, _):
    """session numbers and serials leave room in 32 bits"""
    for (_, number), session in sessions.items():
        expect(0 < number < 1 << 32, f"session number {number}")
        serials = [seg.cp_serial for seg in session.data if seg.cp_serial]
        serials += [rs.serial for rs in session.reports]
        for serial in serials:
            expect(0 < serial < (1 << 31) + 10000, f"serial {serial}")


def scapy_reads(segments):
    """Scapy decodes the same."""
    from scapy.contrib.ltp import LTP
    from scapy.contrib.sdnv import SDNVUtil
    SDNVUtil.setMax(2**64 - 1)
    for seg in segments:
        p = LTP(seg.data)
        same = [p.version == 0, p.flags == seg.type,
                p.SessionOriginator == seg.originator,
                p.SessionNumber == seg.session]
        if seg.type < RS:
            same += [p.DATA_ClientServiceID == seg.service,
                     p.DATA_PayloadOffset == seg.offset,
                     p.DATA_PayloadLength == seg.length]
            if seg.cp_serial:
                same += [p.CheckpointSerialNo == seg.cp_serial,
                         p.ReportSerialNo == seg.rs_serial]
        elif seg.type == RS:
            same += [p.ReportSerialNo == seg.serial,
                     p.ReportCheckpointSerialNo == seg.cp_serial,
                     p.ReportUpperBound == seg.upper,
                     p.ReportLowerBound == seg.lower,
                     [(c.ReceptionClaimOffset + seg.lower,
                       c.ReceptionClaimOffset + seg.lower + c.ReceptionClaimLength)
                      for c in p.ReportReceptionClaims] == seg.claims]
        elif seg.type == RA:
            same += [p.RA_ReportSerialNo == seg.serial]
        expect(all(same), f"type {seg.type}: {same}")


def main():
    datagrams = list(read_pcap(sys.argv[1]))
    sessions = {}
    segments = []
    try:
        for when, (data, *_) in enumerate(datagrams):
            seg = Segment(data, when)
            segments.append(seg)
            key = seg.originator, seg.session
            sessions.setdefault(key, Session()).add(seg)
        print("ok every datagram is one segment in minimal SDNVs")
    except (Wrong, IndexError) as e:
        print(e, data[:40].hex())
        print("bad every datagram is one segment in minimal SDNVs")
        return
    for function in CHECKS:
        try:
            function(sessions, datagrams)
            print("ok", function.__doc__)
        except Wrong as e:
            print("wrong:", e)
            print("bad", function.__doc__)
    name = "Scapy reads the same"
    # It is slow: a few of each type.
    some = {}
    for seg in segments:
        some.setdefault(seg.type, []).append(seg)
    try:
        scapy_reads([seg for found in some.values() for seg in found[:6]])
        print("ok", name)
    except ImportError:
        print("skip", name)
    except Wrong as e:
        print("wrong:", e)
        print("bad", name)
    print("end")


main()
