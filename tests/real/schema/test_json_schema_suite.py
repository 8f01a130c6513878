#!/usr/bin/env python3
"""Goal: the required tests of the official JSON Schema suite for draft-07 pass.
Method: schemas and instances of Debian's json-schema-test-suite go through schema_lines; remotes are mapped to the suite's
files, the meta-schema to python3-jsonschema's copy; nothing is fetched.  EXCEPTIONS lists what may differ, each with its reason;
one that does not differ any more is a failure, too.  A changed verdict must be seen: one case is turned round."""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lines import ask, build

SUITE = os.environ.get("JSON_SCHEMA_TEST_SUITE", "/usr/share/json-schema-test-suite")
META = "/usr/lib/python3/dist-packages/jsonschema/schemas/draft7.json"
EXCEPTIONS = {}  # "file: group: test" -> reason


def mapped():
    remotes, arguments = os.path.join(SUITE, "remotes"), []
    for folder, _, names in os.walk(remotes):
        for name in sorted(names):
            path = os.path.join(folder, name)
            arguments += ["http://localhost:1234/" + os.path.relpath(path, remotes), path]
    return arguments + (["http://json-schema.org/draft-07/schema", META] if os.path.exists(META) else [])


def wrong_of(title, tests, verdicts):
    """[(title, verdict)] of the tests whose verdict is not the suite's."""
    return [(f"{title}: {test['description']}", verdict) for test, verdict in zip(tests, verdicts)
            if (verdict == "valid") != test["valid"] or not verdict.startswith(("valid", "invalid"))]


def main():
    folder = os.path.join(SUITE, "tests/draft7")
    if not os.path.isdir(folder):
        print("ok 1 # SKIP the package json-schema-test-suite is not installed")
        return 0
    groups = []
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".json")):
        groups += [(name, group) for group in json.load(open(os.path.join(folder, name)))]
    cases = [(json.dumps(g["schema"]), [json.dumps(t["data"]) for t in g["tests"]]) for _, g in groups]
    answers = ask(build(), cases, mapped())
    number, failed, seen = 0, 0, set()
    for (name, group), (compiled, verdicts) in zip(groups, answers):
        number += 1
        found = wrong_of(f"{name}: {group['description']}", group["tests"], verdicts)
        seen |= {title for title, _ in found}
        wrong = [f"{title}: {verdict}" for title, verdict in found if title not in EXCEPTIONS]
        for line in wrong + ([compiled] if compiled != "ok" else []):
            print("# " + line)
        failed += bool(wrong)
        print(("not ok" if wrong else "ok") + f" {number} - {name}: {group['description']} ({len(group['tests'])} tests)")
    turned = [dict(test, valid=not test["valid"]) for test in groups[0][1]["tests"]]
    sees = len(wrong_of("turned", turned, answers[0][1])) == len(turned)
    failed += not sees
    print(("ok" if sees else "not ok") + f" {number + 1} - a verdict turned round is seen")
    stale = set(EXCEPTIONS) - seen
    failed += bool(stale)
    print(("not ok" if stale else "ok") + f" {number + 2} - each of the {len(EXCEPTIONS)} exceptions is still one {sorted(stale) or ''}")
    print(f"# {sum(len(g['tests']) for _, g in groups)} tests of {SUITE}")
    return 1 if failed else 0


sys.exit(main())
