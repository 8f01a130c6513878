#!/usr/bin/env python3
"""Goal: recommendations stay as good as promised on real clicks (docs/PROMISES.md).
Method: `penchant evaluate` on ../shared/data/serenade, current content excluded, full ranking.  Validation decides
settings and is watched on every run; the test file, whose floor is the promise, only with TEST_LONG (once a landing).  A shuffled-time control must be worse, which
shows that the measure can fail."""
import json, os, random, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
from server import BIN, ROOT, Tap

DATA = os.path.join(ROOT, "../shared/data/serenade")
LONG = bool(os.environ.get("TEST_LONG"))
COLUMNS = "user=SessionId,content=ItemId,time=Time"


def evaluate(train, events, *arguments):
    command = [BIN, "evaluate", "--train", train, "--events", events, "--columns", COLUMNS, "--exclude-current", "--json", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return json.loads(result.stdout)


def main():
    tap = Tap()
    if not os.path.isdir(DATA):
        tap.skip("quality on serenade", "../shared/data/serenade is not here")
        return tap.end()
    train, valid, test = (os.path.join(DATA, name + ".tsv") for name in ("train", "valid", "test"))
    files = [("valid", valid, 1121, (0.69, 0.365))]
    if LONG:
        files.append(("test", test, 931, (0.655, 0.328)))
    else:
        print("# the test file is run once a landing: ./test --long")
    for name, events, n, floors in files:
        for protocol in ("prequential", "static"):
            r = evaluate(train, events, "--protocol", protocol)
            print(f"# {name} {protocol}: n {r['n']} HR@20 {r['hr@20']:.4f} [{r['hr@20_low']:.4f}, {r['hr@20_high']:.4f}] "
                  f"MRR@20 {r['mrr@20']:.4f} [{r['mrr@20_low']:.4f}, {r['mrr@20_high']:.4f}] {r['us_per_answer']:.0f} us an answer")
            if protocol == "prequential":
                tap.check(r["n"] == n, f"{name}: {n} predictions", r["n"])
                tap.check(r["hr@20"] >= floors[0] and r["mrr@20"] >= floors[1],
                          f"{name}: HR@20 >= {floors[0]}, MRR@20 >= {floors[1]}", r)
    rows = open(valid).read().splitlines()
    shuffled = [row.split("\t") for row in rows[1:]]
    items = [row[1] for row in shuffled]
    random.Random(1).shuffle(items)
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as control:
        control.write(rows[0] + "\n" + "".join("\t".join((row[0], item, row[2])) + "\n" for row, item in zip(shuffled, items)))
        control.flush()
        r = evaluate(train, control.name)
    tap.check(r["hr@20"] < 0.3, "control: with contents shuffled among users the same measure falls", r["hr@20"])
    return tap.end()


sys.exit(main())
