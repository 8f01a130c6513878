#!/usr/bin/env python3
"""Goal: in steady state the program allocates nothing per event and per answer.
Method: a library loaded before the server counts allocations by who called; the same users, contents and bodies are
sent until the pools stand, then counted over thousands of events and lists.  libmicrohttpd takes a few per request
(its response object and headers) by design of its interface and is counted apart."""
import json, os, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../.."))
from server import Server, Tap

USERS, CONTENTS, BODY = 200, 300, 100


def load(server, bodies, lists, name):
    connection = server.connect()
    for b in range(bodies):
        events = [{"event_id": f"{name}-{b}-{i}", "user_id": f"u{(b * 7 + i) % USERS}", "event_type": "view",
                   "content_id": f"c{(b * 31 + i * i) % CONTENTS}"} for i in range(BODY)]
        code, _, answer = server.call("POST", "/v1/events", json.dumps(events), connection=connection)
        assert code == 200 and answer["accepted"] == BODY, answer
    for i in range(lists):
        code, _, answer = server.call("GET", f"/v1/recommendations/u{i % USERS}?n=10", connection=connection)
        assert code == 200 and len(answer["items"]) == 10, answer
    connection.close()
    for _ in range(1000):
        queues = server.call("GET", "/api/status")[2]["queues"]
        if queues["events_to_apply"] == 0 and queues["records_to_learn"] == 0:
            return
        time.sleep(0.01)
    raise RuntimeError("the server does not catch up")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        library, counts = os.path.join(folder, "count.so"), os.path.join(folder, "counts")
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-o", library, os.path.join(HERE, "count.c"), "-ldl"], check=True)
        with open(counts, "wb") as out:
            out.write(bytes(24))
        os.environ.update(LD_PRELOAD=library, COUNT_FILE=counts)
        server = Server(arguments=["--learner.contents=65536", "--learner.sessions=65536"])
        try:
            server.start()
            del os.environ["LD_PRELOAD"]
            read = lambda: struct.unpack("3Q", open(counts, "rb").read())
            for c in range(CONTENTS):
                server.call("PUT", f"/v1/content/c{c}", {"title": f"content {c}"})
            tap.check(read()[0] > 0, "allocations of the program are seen", read())
            load(server, 50, 1000, "warm")
            before = read()
            load(server, 100, 3000, "steady")
            ours, http, other = (a - b for a, b in zip(read(), before))
            print(f"# 10,000 events in 100 bodies and 3,000 lists: {ours} by the program, {http} by libmicrohttpd, {other} by other libraries")
            tap.check(ours <= 100, "at most one in a hundred operations, so none per body, per list or per event", ours)
            tap.check(other <= 100, "nor by a library that is not libmicrohttpd", other)
            tap.check(http > 3000, "libmicrohttpd's are counted apart", http)
        finally:
            server.remove()
    return tap.end()


sys.exit(main())
