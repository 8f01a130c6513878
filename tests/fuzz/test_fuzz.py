#!/usr/bin/env python3
"""Goal: no input of any parser crashes it, hangs it, or makes it break what its header says.

Method: builds tests/fuzz/fuzz_*.c with clang's libFuzzer and the address and undefined-behaviour
sanitizers (make fuzz), then runs each: first every seed of tests/fuzz/seeds/<name>/, the golden
records and the requests of real SDKs where they are present, then new inputs for 8 seconds.
TEST_LONG: 225 s each, about an hour in all.  FUZZ_SECONDS overrides both.  Names as arguments: only those targets.
A crash fails the case and leaves its input under build/fuzz/crashes/.  The last case is a
target whose oracle does not hold: it must be found.
"""
import hashlib, json, os, re, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from server import Tap

HERE = os.path.join(ROOT, "tests/fuzz")
BUILD_ROOT = os.environ.get("BUILD_ROOT", os.path.join(ROOT, "build"))
BUILD = os.path.join(BUILD_ROOT, "fuzz")
CRASHES = os.path.join(BUILD, "crashes")
SECONDS = int(os.environ.get("FUZZ_SECONDS") or (225 if os.environ.get("TEST_LONG") else 8))
SDK_REQUESTS = os.path.join(ROOT, "../shared/data/sdk-requests.ndjson")
INPUT_MAX = {"json": 4096, "body": 4096, "csv": 2048, "settings": 1024, "log": 512, "changelog": 512, "learner": 64}
INPUT_MAX_DEFAULT = 1024


def build():
    """The reason why the targets cannot be built, or None."""
    probe = subprocess.run(["clang", "-fsanitize=fuzzer", "-x", "c", "-", "-o", os.devnull], text=True, capture_output=True,
                           input="int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n > 1 ? 0 : 0; }")
    if probe.returncode != 0:
        return "clang has no libFuzzer: install clang and libclang-rt-14-dev\n" + probe.stderr[-400:]
    made = subprocess.run(["make", "-s", "-C", ROOT, "-j2", "fuzz", "BUILD_ROOT=" + BUILD_ROOT, "EXTRA=-Werror"],
                          text=True, capture_output=True)
    return made.stdout[-2000:] + made.stderr[-2000:] if made.returncode != 0 else None


def add(folder, content):
    with open(os.path.join(folder, hashlib.sha1(content).hexdigest()), "wb") as out:
        out.write(content)


def found_seeds(name, folder):
    """Seeds that are files of something else: golden records, recorded requests."""
    if name == "avro":
        for golden in sorted(os.listdir(os.path.join(ROOT, "tests/golden"))):
            kind = {"event": 0, "content": 1, "learning": 2}.get(golden.split("_")[0])
            if kind is not None:
                with open(os.path.join(ROOT, "tests/golden", golden), "rb") as record:
                    add(folder, bytes([kind]) + record.read())
    if name in ("json", "body", "target") and os.path.exists(SDK_REQUESTS):
        with open(SDK_REQUESTS, errors="replace") as lines:
            for line in lines:
                request = json.loads(line)
                content = (request["u"] if name == "target" else request.get("b") or "").encode()
                add(folder, b"\x01" + content if name == "body" else content)


def run(program, name, corpus, seconds):
    """(executions or None, output)"""
    seeds = os.path.join(HERE, "seeds", name)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
    scratch = tempfile.mkdtemp(prefix="penchant-fuzz-", dir=memory)
    environment = dict(os.environ, TMPDIR=scratch, UBSAN_OPTIONS="print_stacktrace=1", ASAN_OPTIONS="detect_leaks=1")
    try:
        done = subprocess.run([program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=3000", "-print_final_stats=1",
                               f"-max_len={INPUT_MAX.get(name, INPUT_MAX_DEFAULT)}", f"-artifact_prefix={CRASHES}/{name}-",
                               corpus, *([seeds] if os.path.isdir(seeds) else [])],
                              text=True, capture_output=True, errors="replace", env=environment, timeout=seconds + 120)
        output, failed = done.stderr, done.returncode != 0
    except subprocess.TimeoutExpired as late:
        output, failed = (late.stderr or b"").decode(errors="replace") + "\nno end", True
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    count = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    return (None if failed or not count else int(count.group(1))), output


def target(tap, name):
    corpus = tempfile.mkdtemp(prefix="penchant-corpus-")
    try:
        found_seeds(name, corpus)
        count, output = run(os.path.join(BUILD, "fuzz_" + name), name, corpus, SECONDS)
    finally:
        shutil.rmtree(corpus, ignore_errors=True)
    crash = re.search(r"Test unit written to (\S+)", output)
    where = f"input: {crash.group(1)}\n" if crash else ""
    notes = [line for line in output.splitlines() if not line.startswith(("#", "INFO", "stat::", "\t"))]
    tap.check(count is not None, f"{name}: {count or 0} executions in {SECONDS} s", where + "\n".join(notes[-40:]))


def broken_oracle(tap):
    """A crash is reported with its input: seen on a target that has one."""
    folder = tempfile.mkdtemp(prefix="penchant-broken-")
    source, program = os.path.join(folder, "broken.c"), os.path.join(folder, "broken")
    with open(source, "w") as out:
        out.write('#include "fuzz.h"\nint LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n'
                  "{\n    FUZZ_CHECK(size < 3 || data[0] != 'b' || data[1] != 'a');\n    return 0;\n}\n")
    try:
        subprocess.run(["clang", "-D_GNU_SOURCE", "-O1", "-fsanitize=fuzzer,address", "-I" + HERE, "-I" + os.path.join(ROOT, "src"), source,
                        "-o", program], check=True)
        count, output = run(program, "broken", folder, 30)
        crash = re.search(r"Test unit written to (\S+)", output)
        tap.check(count is None and "does not hold" in output and crash, "an oracle that does not hold is found", output[-1000:])
        if crash:
            os.unlink(crash.group(1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    names = [os.path.basename(path)[5:-2] for path in sorted(os.listdir(HERE)) if re.match(r"fuzz_\w+\.c$", path)]
    chosen = sys.argv[1:]
    tap = Tap()
    reason = build()
    if not tap.check(reason is None, "targets build", reason):
        return tap.end()
    os.makedirs(CRASHES, exist_ok=True)
    for name in names:
        if not chosen or name in chosen:
            target(tap, name)
    broken_oracle(tap)
    return tap.end()


sys.exit(main())
