#!/usr/bin/env python3
"""Goal: with schema.event set, events are checked before the built-in checks see them; without it nothing changes; a broken schema is
refused at start with file and pointer.
Method: the program serves with the shipped schema and with one of the test's own; answers and exit codes are looked at."""
import json, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
from server import BIN, ROOT, Server, Tap

GOOD = {"user_id": "u", "event_type": "view", "content_id": "c"}


def answers(arguments, bodies):
    server = Server(arguments=arguments).start()
    try:
        return [server.call("POST", "/v1/events", body) for body in bodies]
    finally:
        server.stop()
        server.remove()


def check_served(tap, folder):
    bodies = [[GOOD, dict(GOOD, position=-1), dict(GOOD, event_type="nonsense")], GOOD]
    mixed, single = answers(["--schema.event", os.path.join(ROOT, "schemas/event.json")], bodies)
    errors = mixed[2]["errors"]
    tap.check(mixed[0] == 200 and mixed[2]["accepted"] == 1 and mixed[2]["rejected"] == 2 and single[2]["accepted"] == 1,
              "the shipped schema: what matches is taken, the rest goes on", mixed)
    tap.check(errors[0]["code"] == "bad_event" and errors[0]["pointer"] == "/position" and "minimum" in errors[0]["message"],
              "an event that does not match has code, pointer and keyword", errors)
    tap.check(errors[1]["pointer"] == "/event_type", "the built-in checks still hold", errors)
    path = os.path.join(folder, "own.json")
    with open(path, "w") as out:
        json.dump({"properties": {"context": {"description": "a campaign is required", "required": ["campaign"]}}, "required": ["context"]}, out)
    own = answers(["--schema.event", path], [GOOD, dict(GOOD, context={"x": 1}), dict(GOOD, context={"campaign": 5})])
    tap.check([a[0] for a in own] == [422, 422, 200], "a schema of one's own", own)
    tap.check(own[1][2]["pointer"] == "/context" and "campaign" in own[1][2]["detail"] and "a campaign is required" in own[1][2]["fix"],
              "the refusal shows the schema's own description", own[1])
    without, = answers([], [GOOD])
    tap.check(without[0] == 200, "without a schema nothing of it is asked", without)


def check_refused(tap, folder):
    path = os.path.join(folder, "broken.json")
    for text, part in (('{"properties":{"a":{"minLength":-1}}}', "/properties/a/minLength"), ('{"a":', "not JSON"), (None, "broken.json")):
        if text is None:
            os.remove(path)
        else:
            with open(path, "w") as out:
                out.write(text)
        result = subprocess.run([BIN, "check", "--schema.event", path], capture_output=True, text=True, timeout=60)
        tap.check(result.returncode == 3 and path in result.stderr and part in result.stderr, f"a broken schema is refused with file and place: {part}",
                  result.stderr)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="penchant-test-") as folder:
        check_served(tap, folder)
        check_refused(tap, folder)
    return tap.end()


sys.exit(main())
