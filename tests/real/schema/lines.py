"""schema_lines (and programs that speak like it) for the tests beside: built by the Makefile where it is missing or old."""
import json, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../.."))
from server import BIN, ROOT

BUILD = os.path.dirname(BIN)


def build():
    """The path of schema_lines."""
    program = os.path.join(BUILD, "tests/real/schema/schema_lines")
    result = subprocess.run(["make", "-s", "BUILD_ROOT=" + os.path.dirname(BUILD), program], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(result.stderr)
    return program


def text(value):
    return json.dumps(value)


def ask(program, cases, arguments=()):
    """cases: [(schema, [value, ...])] as JSON texts; [(answer to the schema, [answer, ...])]."""
    lines = []
    for schema, values in cases:
        lines.append("S " + schema)
        lines += ["V " + value for value in values]
    result = subprocess.run([program, *arguments], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise RuntimeError(f"{program} ended with {result.returncode}: {result.stderr[-2000:]}")
    answers = iter(result.stdout.split("\n"))
    return [(next(answers), [next(answers) for _ in values]) for _, values in cases]
