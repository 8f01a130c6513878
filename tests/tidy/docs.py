#!/usr/bin/env python3
"""Goal: documents made from tables are the tables; links in documents lead somewhere.
Method: `penchant describe` and `check --defaults` are compared with the files; each relative link of each page is opened.
Run with --write to make the files anew."""
import os, re, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("TEST_BIN", os.path.join(ROOT, "build/release/penchant"))
MADE = {"docs/CONFIGURATION.md": ["describe", "settings"], "docs/METRICS.md": ["describe", "metrics"],
        "docs/ERRORS.md": ["describe", "errors"], "config/penchant.yaml": ["check", "--defaults"]}


def made(arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PENCHANT_")}
    return subprocess.run([BIN, *arguments], capture_output=True, text=True, check=True, env=environment).stdout


def broken_links():
    broken = []
    files = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    for name in files:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", open(os.path.join(ROOT, name)).read()):
            if "://" in target:
                continue
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(name), target)):
                broken.append(f"{name}: {target}")
    return broken


def main():
    if "--write" in sys.argv:
        for name, arguments in MADE.items():
            with open(os.path.join(ROOT, name), "w") as out:
                out.write(made(arguments))
        return 0
    failed, number = 0, 0
    for name, arguments in MADE.items():
        number += 1
        path = os.path.join(ROOT, name)
        same = os.path.exists(path) and open(path).read() == made(arguments)
        failed += not same
        print(("ok" if same else "not ok") + f" {number} - {name} is what the table says (tests/tidy/docs.py --write makes it)")
    broken = broken_links()
    for line in broken:
        print("# " + line)
    print(("not ok" if broken else "ok") + f" {number + 1} - links in documents lead somewhere")
    return 1 if failed or broken else 0


sys.exit(main())
