#!/usr/bin/env python3
"""Goal: replay into a store with newer events is a backfill that says so and leaves windows alone.
Method: today's event by HTTP, then a file of 2020 into the same directory; totals and recents learned, the ten-minute window not."""
import os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
from server import BIN, Server, Tap


def main():
    tap = Tap()
    server = Server(arguments=["--learner.contents=65536", "--learner.sessions=65536"]).start()
    try:
        server.call("POST", "/v1/events", {"user_id": "ann", "event_type": "click", "content_id": "today"})
        server.stop()
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as past:
            past.write("u,c,t\nann,old,2020-01-01T00:00:00Z\nann,older,2020-01-01T00:00:02Z\n")
            past.flush()
            command = [BIN, "replay", past.name, "--columns", "user=u,content=c,time=t", "--type", "click", "--data", server.data]
            result = subprocess.run(command, capture_output=True, text=True, timeout=60)
            tap.check(result.returncode == 0 and "backfill" in result.stderr, "it says that it is a backfill", result.stderr)
            server.start()
            busy = subprocess.run(command, capture_output=True, text=True, timeout=60)
            tap.check(busy.returncode == 3 and "fix:" in busy.stderr, "a server that holds the directory is named, with the fix", busy.stderr)
        _, _, old = server.call("GET", "/v1/features/content/old")
        tap.check(old["features"]["clicks_total"]["value"] == 1 and old["features"]["clicks_10m"]["value"] == 0,
                  "totals learned, the window did not", old)
        _, _, ann = server.call("GET", "/v1/users/ann")
        tap.check([r["content_id"] for r in ann["recent"]] == ["today", "older", "old"] and ann["events_total"] == 3,
                  "recents are in the order of time", ann)
        server.stop()
    finally:
        server.remove()
    return tap.end()


sys.exit(main())
