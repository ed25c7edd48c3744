# SPDX-License-Identifier: GPL-2.0
"""A memory cgroup."""

import os
import subprocess


class Skip(Exception):
    """What cannot be tried here."""


class Cgroup:
    """A memory cgroup, if there are any here."""

    def __init__(self, top):
        self.top, self.path = top, top + "/hostile"
        os.mkdir(top)
        if subprocess.run(["mount", "-t", "cgroup2", "none", top],
                          check=False, capture_output=True).returncode:
            os.rmdir(top)
            raise Skip("no cgroup2")
        try:
            with open(top + "/cgroup.controllers", encoding="ascii") as f:
                if "memory" not in f.read().split():
                    raise Skip("no memory cgroups")
            self.write(top + "/cgroup.subtree_control", "+memory")
            os.mkdir(self.path)
        except BaseException:
            self.unmount()
            raise

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(str(text))

    def enter(self):
        self.write(self.path + "/cgroup.procs", os.getpid())

    def limit(self, more):
        """It gets so many bytes more than it has; returns the limit."""
        limit = self.memory() + more
        self.write(self.path + "/memory.max", limit)
        return limit

    def memory(self):
        """Bytes that it has"""
        with open(self.path + "/memory.current", encoding="ascii") as f:
            return int(f.read())

    def line(self, name, key):
        with open(f"{self.path}/{name}", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f
                        if line.startswith(key + " "))

    def sockets(self):
        """Bytes that its sockets hold"""
        return self.line("memory.stat", "sock")

    def peak(self):
        """The most bytes that it ever had"""
        with open(self.path + "/memory.peak", encoding="ascii") as f:
            return int(f.read())

    def kills(self):
        """Processes that it lost for want of memory"""
        return self.line("memory.events", "oom_kill")

    def unmount(self):
        subprocess.run(["umount", self.top], check=False)
        os.rmdir(self.top)

    def end(self):
        os.rmdir(self.path)
        self.unmount()
