#!/usr/bin/env python3
"""Goal: state is a function of the log: the same input gives the same state, bit for bit.
Method: the same file is replayed with --deterministic into fresh directories with one hash key, by the gcc and the clang build, and
once more from the stored log of the first; the printed state hashes must be one.  --deterministic applies on one worker whatever
--workers says, so what 4 workers really do is shown without it: the tasks' hashes must be those of one worker, and the learner must come out the
same when it learns their `learn` log again.  A file that differs in one event must give another hash."""
import os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
from server import BIN, ROOT, Server, Tap

CLANG = os.environ.get("TEST_BIN_CLANG", "")
DATA = os.path.join(ROOT, "../shared/data")
COLUMNS = "user=SessionId,content=ItemId,time=Time"
SMALL = ["--learner.contents=65536", "--learner.sessions=65536"]


def replay(binary, path, data, *arguments, columns=COLUMNS):
    result = subprocess.run([binary, "replay", path, "--columns", columns, "--type", "click", "--data", data, "--hash", *SMALL, *arguments],
                            capture_output=True, text=True, timeout=300)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout


def tasks(hashes):
    return [line for line in hashes.splitlines() if line.startswith("task")]


def fresh(root, name, template):
    """A data directory with the template's FORMAT, hence its hash key."""
    path = os.path.join(root, name)
    os.makedirs(path)
    shutil.copy(os.path.join(template, "FORMAT"), path)
    return path


def synthetic(path):
    with open(path, "w") as out:
        out.write("SessionId\tItemId\tTime\n")
        for i in range(20000):
            out.write(f"{i * 7919 % 997}\t{i * i % 1777}\t{1600000000 + i * 3}\n")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as root:
        train = os.path.join(DATA, "serenade/train.tsv")
        if not os.path.exists(train):
            tap.skip("determinism on serenade", "../shared/data/serenade is not here; a synthetic file is used")
            train = os.path.join(root, "synthetic.tsv")
            synthetic(train)
        first = os.path.join(root, "first")
        expected = replay(BIN, train, first, "--deterministic", "--workers", "1")
        tap.check("learner" in expected and expected.count("task") == 12, "hashes of 12 tasks and the learner", expected)
        four = replay(BIN, train, fresh(root, "four", first), "--deterministic", "--workers", "4")
        tap.check(four == expected, "4 workers, the same state", f"{expected}\n{four}")
        again = replay(BIN, train, fresh(root, "again", first), "--deterministic", "--workers", "2")
        tap.check(again == expected, "2 workers, the same state", f"{expected}\n{again}")
        if CLANG and os.path.exists(CLANG):
            clang = replay(CLANG, train, fresh(root, "clang", first), "--deterministic")
            tap.check(clang == expected, "built by clang, the same state", f"{expected}\n{clang}")
        else:
            tap.skip("built by clang", "no clang build named by TEST_BIN_CLANG")
        # The learner of one `learn` log, applied again from its beginning.
        shutil.rmtree(os.path.join(first, "learner"))
        empty = os.path.join(root, "empty.tsv")
        with open(empty, "w") as out:
            out.write("SessionId\tItemId\tTime\n")
        relearned = replay(BIN, empty, first, "--deterministic")
        tap.check(relearned == expected, "the same `learn` log twice, the same learner", f"{expected}\n{relearned}")
        parallel_dir = fresh(root, "parallel", first)
        parallel = replay(BIN, train, parallel_dir, "--workers", "4")
        tap.check(tasks(parallel) == tasks(expected), "4 workers side by side: each task's state is that of one worker", f"{expected}\n{parallel}")
        shutil.rmtree(os.path.join(parallel_dir, "learner"))
        again = replay(BIN, empty, parallel_dir, "--workers", "1")
        tap.check(again == parallel, "their `learn` log again, the same learner", f"{parallel}\n{again}")
        other = os.path.join(root, "other.tsv")
        lines = open(train).read().splitlines()
        session, item, at = lines[len(lines) // 2].split("\t")[:3]
        lines[len(lines) // 2] = "\t".join((session, item + "9", at))
        with open(other, "w") as out:
            out.write("\n".join(lines) + "\n")
        changed = replay(BIN, other, fresh(root, "other", first), "--deterministic")
        tap.check(changed != expected, "one event differs, the hash differs")
        reviews = os.path.join(DATA, "anonreviews.csv.bz2")
        if os.path.exists(reviews):
            data = os.path.join(root, "reviews")
            replay(BIN, reviews, data, columns="user=reviewerId,content=vendorId,time=date")
            server = Server(data=data, arguments=SMALL).start()
            status, _, answer = server.call("GET", "/v1/trending?n=3")
            tap.check(status == 200 and len(answer["items"]) == 3, "578,805 reviews from a bz2 file, then trends", answer)
            server.stop()
        else:
            tap.skip("reviews", "../shared/data/anonreviews.csv.bz2 is not here")
    return tap.end()


sys.exit(main())
