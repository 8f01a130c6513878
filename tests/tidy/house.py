#!/usr/bin/env python3
"""Goal: the house rules that a machine can see.  Method: reads sources and symbols.

names:   foo.c exports only foo_* (nm on the release objects); file names are unique in src.
headers: first comment has the lines Threads, Memory, Failure.
sizes:   functions under 70 lines, files under 800; exceptions in tests/tidy/exceptions, which may only shrink.
words:   functions we do not use, marks of unfinished work, names of machines.
"""
import os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TEST_BUILD", os.path.join(ROOT, "build/release"))
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|alloca)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|not implemented|placeholder)\b")
FUNCTION_MAX, FILE_MAX = 70, 800


def sources(*endings):
    for folder, _, names in os.walk(os.path.join(ROOT, "src")):
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.join(folder, name)


def relative(path):
    return os.path.relpath(path, ROOT)


def exceptions():
    path = os.path.join(ROOT, "tests/tidy/exceptions")
    rows = [line.split("#")[0].split() for line in open(path) if line.split("#")[0].strip()]
    return {(row[0], row[1]) for row in rows}


def check_names():
    wrong, seen = [], {}
    for path in sources(".c"):
        name = os.path.basename(path)
        if name in seen:
            wrong.append(f"{relative(path)}: the name stands also at {seen[name]}")
        seen[name] = relative(path)
        stem = name[:-2]
        symbol_file = os.path.join(BUILD, relative(path) + ".o")
        if not os.path.exists(symbol_file):
            wrong.append(f"{relative(path)}: no object at {symbol_file}")
            continue
        for line in subprocess.run(["nm", "-g", "--defined-only", symbol_file], capture_output=True, text=True).stdout.splitlines():
            symbol = line.split()[-1]
            if symbol.startswith(("__odr", "_GLOBAL", "__asan")) or symbol == "main":
                continue
            if not (symbol == stem or symbol.startswith(stem + "_")) and (relative(path), symbol) not in exceptions():
                wrong.append(f"{relative(path)}: exports {symbol}")
    return wrong


def check_headers():
    wrong = []
    for path in sources(".h"):
        head = open(path).read(4000)
        for word in ("Threads:", "Memory:", "Failure:"):
            if word not in head:
                wrong.append(f"{relative(path)}: the header says no {word}")
    return wrong


def functions(path):
    """(name, first line, lines) of each function body that opens with '{' in column 0."""
    lines = open(path, errors="replace").read().split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            name = re.findall(r"([a-z0-9_]+)\s*\(", " ".join(lines[max(0, start - 4):start]))
            yield (name[0] if name else "?", start + 1, number - start + 1)
            start = None


def check_sizes():
    wrong, allowed = [], exceptions()
    for path in sources(".c", ".cc", ".h"):
        count = sum(1 for _ in open(path, errors="replace"))
        if count > FILE_MAX and (relative(path), "file") not in allowed:
            wrong.append(f"{relative(path)}: {count} lines")
        if path.endswith(".cc") and count > 200:
            wrong.append(f"{relative(path)}: a shim of {count} lines")
        for name, line, size in functions(path):
            if size > FUNCTION_MAX and (relative(path), name) not in allowed:
                wrong.append(f"{relative(path)}:{line}: {name} has {size} lines")
    return wrong


def check_words():
    wrong = []
    for path in sources(".c", ".cc", ".h"):
        for number, line in enumerate(open(path, errors="replace"), 1):
            if BANNED.search(line) or UNFINISHED.search(line):
                wrong.append(f"{relative(path)}:{number}: {line.strip()[:80]}")
    return wrong


def main():
    failed = 0
    checks = [("names", check_names), ("headers", check_headers), ("sizes", check_sizes), ("words", check_words)]
    for number, (name, check) in enumerate(checks, 1):
        wrong = check()
        for line in wrong:
            print("# " + line)
        print(("not ok" if wrong else "ok") + f" {number} - {name}")
        failed += bool(wrong)
    can_fail = bool(BANNED.search("strcpy(a, b)")) and bool(UNFINISHED.search("a TODO here"))
    print(("ok" if can_fail else "not ok") + " 5 - the word check sees what it looks for")
    return 1 if failed or not can_fail else 0


sys.exit(main())
