#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""cover.py ltp.ko MAP...: how much of the module was reached.

MAP is what cover.c wrote.  Every call that the compiler put in is one PC;
-m also names the functions of which less than half was reached.
"""

import bisect
import re
import subprocess
import sys


def run(*args):
    return subprocess.run(args, check=True, capture_output=True,
                          text=True).stdout


def returns(ko):
    """Offsets behind the calls, each with its function; and all functions.

    The address of what is called is kept in registers, or in the stack frame:
    what holds it is followed from line to line.  That is no proof, but near.
    """
    pcs, starts = {}, []
    function, last, call = None, '', False
    holds = set()
    for line in run('objdump', '-dr', '-j', '.text', '--no-show-raw-insn',
                    ko).splitlines():
        m = re.match(r'([0-9a-f]+) <(.*)>:', line)
        if m:
            function, holds, call = (int(m[1], 16), m[2]), set(), False
            starts.append(function)
            continue
        m = re.match(r' *([0-9a-f]+):\t(\S+) *(.*)', line)
        if not m:
            if '__sanitizer_cov_trace_pc' in line:
                holds.add(last)
            continue
        if call:
            pcs[int(m[1], 16)] = function
        target = m[3].split(',')[-1].strip() if m[3] else ''
        call = m[2] == 'call' and target.lstrip('*') in holds
        if m[2] == 'mov':
            source = m[3].rsplit(',', 1)[0]
            if source in holds:
                holds.add(m[3][len(source) + 1:])
            else:
                holds.discard(m[3][len(source) + 1:])
        elif m[2] in ('movabs', 'lea'):
            holds.discard(target)
        last = target
    return pcs, starts


def files(ko):
    """The source file of each function, by name and address."""
    found = {}
    for line in run('nm', '-l', ko).splitlines():
        m = re.match(r'([0-9a-f]+) [tT] (\S+)\t(?:.*/)?(\S+):\d+$', line)
        if m:
            found[int(m[1], 16), m[2]] = m[3]
    return found


def main(args):
    more = '-m' in args
    args = [a for a in args if a != '-m']
    pcs, starts = returns(args[0])
    source = files(args[0])
    hit = set()
    for name in args[1:]:
        with open(name, 'rb') as f:
            hit |= {pc for pc, octet in enumerate(f.read()) if octet}
    for pc in hit - pcs.keys():
        pcs[pc] = starts[bisect.bisect(starts, (pc, '')) - 1]

    by_file, by_function = {}, {}
    for pc, function in pcs.items():
        for table, key in ((by_file, source.get(function, '?')),
                           (by_function, function)):
            n = table.setdefault(key, [0, 0])
            n[0] += pc in hit
            n[1] += 1
    for name, (n, total) in sorted(by_file.items()):
        print(f'# {name:16} {n:5} of {total:5} PCs, {100 * n // total} %')
    if more:
        for (_, name), (n, total) in sorted(by_function.items()):
            if 2 * n < total:
                print(f'#   {name}: {n} of {total}')
    print(f'# net/ltp: {len(hit)} of {len(pcs)} PCs, '
          f'{100 * len(hit) // len(pcs)} %')


main(sys.argv[1:])
