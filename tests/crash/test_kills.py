#!/usr/bin/env python3
"""Goal: what was acknowledged counts exactly once, through kill -9 at random moments under load.

Method: clients post bodies of events with ids and keep each body until it is acknowledged; the server
is killed and started again; what was not acknowledged is sent again with the same ids.  In the end
every event was acknowledged, so each user's events_total and each content's views_total must be the
numbers of distinct events sent, neither less (lost) nor more (doubled).  The comparison is tried
first on numbers made wrong on purpose.
"""
import collections, http.client, os, random, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from server import Server, Tap

LONG = bool(os.environ.get("TEST_LONG"))
KILLS = 200 if LONG else 20
CLIENTS, USERS, CONTENTS, BODY = 3, 400, 120, 25


class Client(threading.Thread):
    def __init__(self, number, server, state):
        super().__init__(daemon=True)
        self.random = random.Random(state["seed"] * 1000 + number)
        self.number, self.server, self.state = number, server, state
        self.users, self.contents = collections.Counter(), collections.Counter()
        self.acknowledged, self.resent, self.sequence = 0, 0, 0

    def body(self):
        events = []
        for _ in range(BODY):
            self.sequence += 1
            user, content = self.random.randrange(USERS), self.random.randrange(CONTENTS)
            events.append({"event_id": f"{self.number}-{self.sequence}", "user_id": f"u{user}", "event_type": "view",
                           "content_id": f"c{content}", "categories": [f"k{content % 7}"]})
        return events

    def run(self):
        while not self.state["stop"]:
            events, tries = self.body(), 0
            while not self.post(events):
                tries += 1
                self.resent += tries == 1
                time.sleep(0.01)
                if tries > 6000:
                    self.state["wrong"].append("a body was never acknowledged")
                    return
            for event in events:
                self.users[event["user_id"]] += 1
                self.contents[event["content_id"]] += 1
            self.acknowledged += len(events)

    def post(self, events):
        try:
            status, _, answer = self.server.call("POST", "/v1/events", events)
        except (OSError, http.client.HTTPException):
            return False
        if status == 200 and answer["accepted"] + answer["duplicates"] == len(events):
            return True
        if status not in (429, 503):
            self.state["wrong"].append(f"{status} {answer}")
            return True
        return False


def differences(expected, actual):
    return [f"{key}: sent {expected[key]}, counted {actual.get(key)}" for key in expected if actual.get(key) != expected[key]]


def read_counts(server, users, contents):
    connection = server.connect()
    found_users, found_contents = {}, {}
    for user in users:
        status, _, answer = server.call("GET", f"/v1/features/user/{user}", connection=connection)
        found_users[user] = answer["features"]["events_total"]["value"] if status == 200 else status
    for content in contents:
        status, _, answer = server.call("GET", f"/v1/features/content/{content}", connection=connection)
        found_contents[content] = answer["features"]["views_total"]["value"] if status == 200 else status
    connection.close()
    return found_users, found_contents


def campaign(tap, durability, kills):
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
    print(f"# seed {seed}, durability {durability}, {kills} kills")
    rng = random.Random(seed)
    state = {"stop": False, "wrong": [], "seed": seed}
    server = Server(arguments=[f"--log.durability={durability}", "--engine.checkpoint_interval=300ms",
                               "--learner.checkpoint_records=4096", "--engine.changelog_segment_bytes=256KiB",
                               "--learner.contents=65536", "--learner.sessions=65536"])
    slowest_ms = 0
    try:
        server.start()
        clients = [Client(i, server, state) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(kills):
            time.sleep(rng.uniform(0.05, 0.6))
            server.kill()
            began = time.time()
            server.start()
            slowest_ms = max(slowest_ms, (time.time() - began) * 1000)
        time.sleep(0.3)
        state["stop"] = True
        for client in clients:
            client.join(120)
        users, contents = collections.Counter(), collections.Counter()
        for client in clients:
            users.update(client.users)
            contents.update(client.contents)
        sent = sum(users.values())
        wrong = []
        for _ in range(100):  # the learner follows within milliseconds; bounded at 10 s
            found_users, found_contents = read_counts(server, users, contents)
            wrong = differences(users, found_users) + differences(contents, found_contents)
            if not wrong:
                break
            time.sleep(0.1)
        print(f"# {sent} events acknowledged, {sum(c.resent for c in clients)} bodies sent again, slowest start {slowest_ms:.0f} ms")
        tap.check(not state["wrong"], f"{durability}: every body was acknowledged", state["wrong"][:5])
        tap.check(not wrong and sent > 0, f"{durability}: {kills} kills, 0 lost, 0 doubled", wrong[:10])
        before = server.stop()
        tap.check(before == 0, f"{durability}: SIGTERM ends with 0", before)
        server.start()
        found_users, found_contents = read_counts(server, users, contents)
        wrong = differences(users, found_users) + differences(contents, found_contents)
        tap.check(not wrong, f"{durability}: the same after a clean restart", wrong[:10])
        server.stop()
    except RuntimeError as error:
        tap.check(False, f"{durability}: the server starts", error)
    finally:
        state["stop"] = True
        server.remove()


def main():
    tap = Tap()
    sent = collections.Counter({"a": 2, "b": 1})
    tap.check(differences(sent, {"a": 1, "b": 1}) and differences(sent, {"a": 2, "b": 2}) and not differences(sent, {"a": 2, "b": 1}),
              "the comparison sees a lost and a doubled event")
    campaign(tap, "interval", KILLS - KILLS // 4)
    campaign(tap, "always", KILLS // 4)
    return tap.end()


sys.exit(main())
