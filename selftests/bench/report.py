#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""report.py OUT DIR...: tables of what bench.sh measured, from DIR/raw of each
platform (DIR ends in its name), to stdout; rows to OUT.json, a plot to OUT.svg.
"""

import json
import os
import re
import sys
from math import log2, log10
from statistics import median

WAYS = ["red", "green", "gso", "mmsg", "tcp"]
LABELS = {
    "red": "LTP red", "green": "LTP green", "gso": "UDP GSO/GRO",
    "mmsg": "UDP mmsg", "tcp": "TCP",
}
COLOURS = {
    "red": "#c0392b", "green": "#27ae60", "gso": "#2c5f9e",
    "mmsg": "#999999", "tcp": "#e0a030",
}
KEY = ("platform", "series", "path", "mtu", "block", "sessions", "loss")
PAYLOAD_HEADER = 23     # of a red segment, in 1 MiB blocks at MTU 1500
PAYLOAD = 1472 - PAYLOAD_HEADER
FIGURES = (
    ("mbps", "Mbit/s of payload", "%.0f"),
    ("instructions_per_byte", "Instructions per byte, both ends", "%.3f"),
    ("cpu_s_per_gb", "CPU seconds per GB, both ends", "%.2f"),
    ("cpu_s_per_gb_tx", "CPU seconds per GB, the sender's CPU", "%.2f"),
    ("cpu_s_per_gb_rx", "CPU seconds per GB, the receiver's CPU", "%.2f"),
    ("syscalls_per_gb", "System calls per GB", "%.0f"),
)
# Series of memory: of what, and by byte or by session
HELD = {
    "unread": ("memory per byte received and not read", "byte"),
    "inflight": ("memory per byte in flight, both ends", "byte"),
    "session": ("bytes of memory per session, both ends", "session"),
    "peak": ("memory per byte of one block on its way, both ends", "byte"),
}
# CPU seconds per GB, both ends: UDP GSO/GRO on an idle host, HDTN and ION
PEERS = (("UDP GSO/GRO, idle host", 0.24), ("HDTN", 5.5), ("ION", 22))


def number(text):
    return float(text) if "." in text else int(text)


def platform_of(directory):
    return re.sub("^bench-", "", os.path.basename(directory.rstrip("/")))


def own_cpu(directory):
    """How much of its CPU others took of a guest that had one, in %; or None."""
    try:
        with open(os.path.join(directory, "cpu"), encoding="ascii") as f:
            return float(re.search(r"others=([\d.]+)", f.read())[1])
    except (FileNotFoundError, TypeError):
        return None


def read_raw(directory):
    """Runs of one platform, each as a dictionary."""
    platform = platform_of(directory)
    try:
        with open(os.path.join(directory, "raw"), encoding="ascii") as f:
            lines = f.readlines()
    except FileNotFoundError:
        return
    for line in lines:
        run = {"platform": platform}
        for field in line.split():
            name, _, value = field.partition("=")
            run[name] = value if name in ("series", "path", "what") else number(value)
        yield run


def derive(run):
    """What one run says, as the fields of a row."""
    said = {}
    size = run["bytes"]
    if "held" in run:
        unit = HELD[run["series"]][1]
        by = size if unit == "byte" else run["sessions"]
        said["memory_per_" + unit] = run["held"] / by
        said["peak_memory_per_" + unit] = run.get("peak", run["held"]) / by
        return said
    if not size:
        return said
    gigabyte = size / 1e9
    busy = run["busy_tx"] + max(run["busy_rx"], 0)
    said["syscalls_per_gb"] = run["calls"] / gigabyte
    if run["platform"] == "icount":
        said["instructions_per_byte"] = busy / size
        return said
    said["mbps"] = size * 8e3 / run["ns"]
    said["cpu_s_per_gb"] = busy / size
    if run["busy_rx"] >= 0:
        said["cpu_s_per_gb_tx"] = run["busy_tx"] / size
        said["cpu_s_per_gb_rx"] = run["busy_rx"] / size
    return said


def rows_of(runs):
    """One row for each point and way: medians, least and most."""
    points = {}
    for run in runs:
        key = tuple(run[k] for k in KEY) + (run["what"],)
        points.setdefault(key, []).append(derive(run))
    rows = []
    for key, said in points.items():
        row = dict(zip(KEY + ("what",), key))
        row["runs"] = len(said)
        for name in ("mbps", "cpu_s_per_gb_tx", "cpu_s_per_gb_rx",
                     "instructions_per_byte", "syscalls_per_gb"):
            row[name] = None
        for name in said[0]:
            values = [s[name] for s in said if name in s]
            row[name] = median(values)
            row[name + "_range"] = [min(values), max(values)]
        rows.append(row)
    return rows


def size_name(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


def point_name(row):
    """What a point is, as far as it is not the base."""
    return (f"{row['series']:8s} {row['path']:5s} {row['mtu']:5d} {size_name(row['block']):>7s} "
            f"{row['sessions']:5d} {row['loss']:4} %")


def cell(row, name, form):
    if row is None or row.get(name) is None:
        return "-"
    value = row[name]
    low, high = row[name + "_range"]
    spread = (high - low) / 2 / value * 100 if value else 0
    digits = 1 if spread < 9.95 else 0
    return f"{form % value} ±{spread:.{digits}f}%"


def group(rows):
    """Rows by platform and point, in the order they were measured."""
    by = {}
    for row in rows:
        point = by.setdefault(row["platform"], {}).setdefault(
            tuple(row[k] for k in KEY), {})
        point[row["what"]] = row
    return by


def tables(rows):
    for platform, points in group(rows).items():
        for name, title, form in FIGURES:
            if not any(r.get(name) is not None for p in points.values()
                       for r in p.values()):
                continue
            print(f"\n{platform}: {title} (median, half the range)\n")
            print(f"{'series':8s} {'path':5s} {'MTU':>5s} {'block':>7s} {'sess.':>5s} {'loss':>6s}"
                  + "".join(f" {LABELS[w]:>15s}" for w in WAYS))
            for point in points.values():
                if next(iter(point.values()))["series"] in HELD:
                    continue
                print(point_name(next(iter(point.values())))
                      + "".join(f" {cell(point.get(w), name, form):>15s}" for w in WAYS))
        memory(platform, points)


def memory(platform, points):
    """What was held in the end, and at the most, by what held it."""
    for series, (title, unit) in HELD.items():
        chosen = [p for p in points.values() if next(iter(p.values()))["series"] == series]
        if chosen:
            print(f"\n{platform}: {title}: in the end, at the most\n")
            for point in chosen:
                row = next(iter(point.values()))
                print(f"{row['path']:5s} {size_name(row['block']):>7s} {row['loss']:4} %"
                      + "".join(f"  {LABELS[w]} {point[w]['memory_per_' + unit]:.4g}"
                                f" {point[w]['peak_memory_per_' + unit]:.4g}"
                                for w in WAYS if w in point))


def find(rows, platform, series, what, name, **want):
    """The figure of one row, or None."""
    for row in rows:
        if (row["platform"], row["series"], row["what"]) == (platform, series, what) \
                and all(row[k] == v for k, v in want.items()):
            return row.get(name)
    return None


def targets_of(rows, platform):
    """What is asked for: what, at least or at most, how much, and what it is."""
    def get(series, what, name, **want):
        return find(rows, platform, series, what, name, **want)

    # By byte of datagrams, where it is compared with UDP
    datagram = 1472 / PAYLOAD
    costs = (("instructions_per_byte", "instructions"), ("cpu_s_per_gb", "CPU time"))
    for path, series in (("whole", "base"), ("gro", "path")):
        for other, bound, d in (("gso", 1, datagram), ("tcp", 1, 1), ("mmsg", 10, datagram)):
            yield (f"goodput, red to {LABELS[other]}, {path}", ">=", bound,
                   get(series, "red", "mbps"), get(series, other, "mbps"), d)
            for name, text in costs:
                pair = [get(series, w, name) for w in ("red", other)]
                if other != "mmsg":
                    yield (f"{text}, red to {LABELS[other]}, {path}", "<=", bound, *pair, 1 / d)
                else:
                    yield (f"{text}, {LABELS[other]} to red, {path}", ">=", bound,
                           *reversed(pair), d)
    pair = [get("block", w, "mbps", block=4096) for w in ("red", "mmsg")]
    yield ("goodput, red to UDP mmsg, 4 KiB", ">=", 0.8, *pair, 1)
    pair = [get("block", w, "instructions_per_byte", block=4096) for w in ("mmsg", "red")]
    yield ("instructions, UDP mmsg to red, 4 KiB", ">=", 0.8, *pair, 1)
    for name, text in costs:
        pair = [get("sessions", "red", name, sessions=n) for n in (1000, 1)]
        yield (f"{text}, 1,000 sessions to one", "<=", 1.1, *pair, 1)
    for path in ("rfs", "rfgro"):
        pair = [get("flows", "red", "mbps", path=path, sessions=n) for n in (2, 1)]
        yield (f"goodput, 2 flows on 2 CPUs to one on one, {path}", ">=", 1.5, *pair, 1)
    for loss in (0, 5):
        small, large = 1 << 20, 1 << 30
        pair = [get("curve", "red", "instructions_per_byte", loss=loss, block=size)
                for size in (large, small)]
        bound = log2(large / PAYLOAD) / log2(small / PAYLOAD)
        yield (f"instructions, a byte of 1 GiB to 1 MiB, {loss} % lost", "<=", bound, *pair, 1)


def targets(rows, own):
    """Measured against the targets, each in one run of the benchmark."""
    print("\nTargets: MTU 1500, blocks of 1 MiB unless it says otherwise\n")
    print(f"{'':7s} {'what':50s} {'target':>8s} {'is':>7s}  kept")
    for platform in dict.fromkeys(row["platform"] for row in rows):
        for text, how, bound, left, right, scale in targets_of(rows, platform):
            if not left or not right:
                continue
            ratio = left / right * scale
            kept = ratio >= bound if how == ">=" else ratio <= bound
            print(f"{platform:7s} {text:50s} {how} {bound:5.4g} {ratio:7.3f}  "
                  + ("yes" if kept else "no"))
        if platform in own:
            print(f"{platform:7s} "
                  + ("the guest had no CPU of its own: times are worth little"
                     if own[platform] is None else
                     f"on a CPU of its own, of which others took {own[platform]:.1f} %"))


def cpu_time(rows):
    """CPU seconds per GB, beside what others take."""
    lines = []
    for platform in dict.fromkeys(row["platform"] for row in rows):
        for path, series in (("whole", "base"), ("gro", "path")):
            for what in WAYS:
                found = [find(rows, platform, series, what, "cpu_s_per_gb" + end)
                         for end in ("", "_tx", "_rx")]
                if found[0]:
                    lines.append(f"{platform:7s} {path:5s} {LABELS[what]:11s}" + "".join(
                        f" {value:8.2f}" if value else f" {'-':>8s}" for value in found))
    if lines:
        print("\nCPU seconds per GB: both ends, sender's CPU, receiver's CPU; peers, both ends: "
              + ", ".join(f"{name} {value}" for name, value in PEERS) + "\n")
        print("\n".join(lines))


def moon(directory):
    """What moon.sh said, if it ran."""
    try:
        with open(os.path.join(directory, "moon"), encoding="ascii") as f:
            print("\n100 Mbit/s, 1.3 s away, 1 % lost: what is carried\n\n" + f.read(), end="")
    except FileNotFoundError:
        return False
    return True


def plot(rows, file):
    """A panel for each platform: bars, with a logarithmic scale."""
    bar, gap, height, left = 9, 16, 180, 70
    panels = []
    top = 40
    widest = 0
    for platform, points in group(rows).items():
        name = "instructions_per_byte" if platform == "icount" else "mbps"
        title = "instructions per byte" if platform == "icount" else "Mbit/s"
        shown = [p for p in points.values()
                 if any(r.get(name) for r in p.values())]
        values = [r[name] for p in shown for r in p.values() if r.get(name)]
        if not values:
            continue
        low = 10 ** (len(str(int(min(values)))) - 1) if min(values) >= 1 else 0.1
        high = low
        while high < max(values):
            high *= 10
        panels.append(panel(shown, name, f"{platform}: {title}", low, high, top))
        widest = max(widest, left + len(shown) * (len(WAYS) * bar + gap) + 20)
        top += height + 120
    with open(file, "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{widest}" '
                f'height="{top}" font-family="sans-serif" font-size="11">\n'
                f'<rect width="100%" height="100%" fill="white"/>\n')
        for i, way in enumerate(WAYS):
            x = left + i * 110
            f.write(f'<rect x="{x}" y="10" width="10" height="10" fill="{COLOURS[way]}"/>'
                    f'<text x="{x + 14}" y="19">{LABELS[way]}</text>\n')
        f.write("".join(panels) + "</svg>\n")


def panel(points, name, title, low, high, top):
    """One panel of plot(), as SVG, between the values low and high."""
    bar, gap, height, left = 9, 16, 180, 70
    base = top + 20 + height
    span = log10(high / low)

    def y_of(value):
        return base - max(log10(max(value, low) / low), 0.01) / span * height

    out = [f'<text x="{left}" y="{top + 10}" font-weight="bold">{title}</text>\n']
    right = left + len(points) * (len(WAYS) * bar + gap)
    tick = low
    while tick <= high * 1.01:
        y = base - log10(tick / low) / span * height
        out.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" '
                   f'stroke="#ddd"/><text x="{left - 6}" y="{y + 4:.1f}" '
                   f'text-anchor="end">{tick:g}</text>\n')
        tick *= 10
    x = left + gap / 2
    for point in points:
        row = next(iter(point.values()))
        for i, way in enumerate(WAYS):
            if way not in point or not point[way].get(name):
                continue
            y = y_of(point[way][name])
            ends = [y_of(v) for v in point[way][name + "_range"]]
            middle = x + i * bar + bar / 2
            out.append(f'<rect x="{x + i * bar}" y="{y:.1f}" width="{bar - 1}" '
                       f'height="{base - y:.1f}" fill="{COLOURS[way]}"/>'
                       f'<line x1="{middle}" x2="{middle}" y1="{ends[0]:.1f}" '
                       f'y2="{ends[1]:.1f}" stroke="black"/>\n')
        labels = [row["path"], str(row["mtu"]), size_name(row["block"]),
                  f"{row['sessions']} s.", f"{row['loss']} %"]
        for i, text in enumerate(labels):
            out.append(f'<text x="{x + len(WAYS) * bar / 2}" y="{base + 14 + i * 13}" '
                       f'text-anchor="middle">{text}</text>\n')
        x += len(WAYS) * bar + gap
    return "".join(out)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    moons = [d for d in sys.argv[2:] if moon(d)]
    rows = rows_of(run for d in sys.argv[2:] for run in read_raw(d))
    own = {platform_of(d): own_cpu(d) for d in sys.argv[2:] if platform_of(d) == "uml"}
    for row in rows:
        if row["platform"] in own:
            row["own_cpu"] = own[row["platform"]] is not None
    if not rows:
        sys.exit(None if moons else "nothing was measured")
    with open(sys.argv[1] + ".json", "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    tables(rows)
    targets(rows, own)
    cpu_time(rows)
    plot(rows, sys.argv[1] + ".svg")


if __name__ == "__main__":
    main()
