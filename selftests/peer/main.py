#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plays scenarios, one test each: main.py [-v] NEAR FAR FILE...

NEAR and FAR are network namespaces: that of the kernel's engine and that of
the scripted peer.  -v: waiting takes no time here.
"""

import os
import sys
import time

from run import Run, World
from script import Failure, Script


def play(script, world, number):
    """What went wrong, as lines"""
    run = Run(script, world, number)
    try:
        run.run()
    except Failure as e:
        return run.explain(e)
    except Exception as e:  # whatever it is, the others go on
        return run.explain(f"{type(e).__name__}: {e}")
    return []


def main():
    words = sys.argv[1:]
    virtual = words[0] == "-v"
    if virtual:
        words.pop(0)
    near, far, *files = words
    # One CPU: what is sent first arrives first.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    world = World(near, far, virtual)
    n = failed = 0
    for path in files:
        short = os.path.relpath(path, os.path.dirname(os.path.dirname(
            os.path.abspath(__file__))))
        began = time.time()
        try:
            script = Script(path, short)
            # Where timers expire is for the debug kernel only in virtual time,
            # where it is never too slow.
            timers = script.word("round-trip") == "short"
            if virtual:
                wanted = timers or "virtual" in script.header
            else:
                wanted = "virtual" not in script.header and \
                    not (timers and os.environ.get("LTP_KERNEL") == "uml")
            if not wanted:
                continue
            n += 1
            problem = play(script, world, n)
            name = script.title
        except Failure as e:
            n += 1
            problem, name = [f"wrong: {e}"], short
        for line in problem:
            print("#", line)
        failed += bool(problem)
        took = f" # {time.time() - began:.1f} s"
        print(f"{'not ok' if problem else 'ok'} {n} - {name}{took}", flush=True)
    print(f"1..{n}")
    return 1 if failed else 0


sys.exit(main())
