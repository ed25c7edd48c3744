# SPDX-License-Identifier: GPL-2.0
"""The memory oracle: what is charged is what is pinned."""

import mmap
import os

# What else may be taken meanwhile; and of all, what checkers keep of what was
# freed.
SLACK, CHECKERS = 16 << 20, 16


def available():
    """(bytes that are available, or that processes and files in memory took; all
    there are)"""
    found = {}
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            name, value = line.split()[:2]
            found[name] = int(value) << 10
    return (found["MemAvailable:"] + found["AnonPages:"] + found["Shmem:"],
            found["MemTotal:"])


def charged():
    """Bytes that LTP sockets of the machine are charged"""
    with open("/proc/net/protocols", encoding="ascii") as f:
        for line in f:
            if line.startswith("LTP "):
                return max(0, int(line.split()[3])) * mmap.PAGESIZE
    return 0


class Memory:
    """Compares what was taken since it was made with what is charged."""

    def __init__(self):
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
            f.write("3")
        self.before, total = available()
        self.slack = SLACK
        if "LTP_DEBUG" in os.environ:
            self.slack += total // CHECKERS

    def wrong(self):
        """None, or what is wrong; and a text of both numbers"""
        fell, held = self.before - available()[0], charged()
        text = f"{fell >> 10} kB less are available, {held >> 10} kB charged"
        return text if fell > 2 * held + self.slack else None, text
