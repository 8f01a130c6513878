#!/usr/bin/env python3
"""Goal: what was acknowledged counts exactly once where everything is small - segments, logs, memory,
the spacing of the learner's and the tasks' checkpoints - through SIGTERM and kill -9 in turn, under load.

Method: more people than memory holds, so that profiles are dropped and read back; long ids and names, so that
the logs' budget is spent several times, they fill up (503), are trimmed and must take events again.  Bodies
that were not acknowledged are sent again with the same ids.  SIGTERM must end with 0 within its time.
In the end the counters of a sample of the people and of all contents are those of what was sent, and the
metrics say that the log was trimmed and profiles dropped: else the test would have shown nothing.
"""
import collections, http.client, json, os, random, re, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from server import Server, Tap

LIVES = 60 if os.environ.get("TEST_LONG") else 8
LIFE_S, CLIENTS, USERS, CONTENTS, BODY, SAMPLE = 2.0, 2, 12000, 200, 200, 1500


class Client(threading.Thread):
    def __init__(self, number, server, state):
        super().__init__(daemon=True)
        self.random = random.Random(state["seed"] * 1000 + number)
        self.number, self.server, self.state, self.sequence = number, server, state, 0
        self.users, self.contents = collections.Counter(), collections.Counter()
        self.categories = [f"{number:0>40}" for number in range(50)]
        self.bodies, self.full, self.connection, self.port = 0, 0, None, 0

    def body(self):
        events = []
        for _ in range(BODY):
            self.sequence += 1
            event_id = f"{self.number}-{self.sequence}-{self.random.getrandbits(160):x}"
            events.append({"event_id": event_id, "user_id": f"u{self.random.randrange(USERS)}", "event_type": "view",
                           "content_id": f"c{self.random.randrange(CONTENTS)}",
                           "categories": [self.random.choice(self.categories)]})
        return events

    def run(self):
        while not self.state["stop"]:
            events = self.body()
            text, until = json.dumps(events), time.time() + 60
            while not self.post(text):
                time.sleep(0.02)
                if time.time() > until:
                    self.state["wrong"].append("a body was not acknowledged within a minute")
                    return
            self.bodies += 1
            for event in events:
                self.users[event["user_id"]] += 1
                self.contents[event["content_id"]] += 1

    def post(self, text):
        try:
            if self.connection is None or self.port != self.server.port:
                self.port = self.server.port
                self.connection = self.server.connect()
            status, _, answer = self.server.call("POST", "/v1/events", text, connection=self.connection)
        except (OSError, http.client.HTTPException):
            self.connection = None
            return False
        if status == 200 and answer["accepted"] + answer["duplicates"] == BODY:
            return True
        self.full += "log_full" in json.dumps(answer)
        if status not in (429, 503):
            self.state["wrong"].append(f"{status} {str(answer)[:200]}")
            return True
        return False


def differences(expected, actual):
    return [f"{key}: sent {expected[key]}, counted {actual.get(key)}" for key in expected if actual.get(key) != expected[key]]


def read(server, kind, names, feature):
    connection, found = server.connect(), {}
    for name in names:
        status, _, answer = server.call("GET", f"/v1/features/{kind}/{name}", connection=connection)
        found[name] = answer["features"][feature]["value"] if status == 200 else status
    connection.close()
    return found


def compare(server, users, contents, seconds):
    """What still differs after the learner had that long to follow."""
    until = time.time() + seconds
    while True:
        wrong = differences(contents, read(server, "content", contents, "views_total"))
        if not wrong or time.time() > until:
            return wrong + differences(users, read(server, "user", users, "events_total"))
        time.sleep(0.1)


def metric(server, name):
    _, _, text = server.call("GET", "/metrics")
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


def run_lives(tap, server, state, rng):
    server.start()
    clients = [Client(i, server, state) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    codes, trimmed, dropped = [], 0, 0
    for life in range(LIVES):
        time.sleep(rng.uniform(0.5, 1.5) * LIFE_S)
        trimmed += metric(server, "penchant_log_segments_trimmed_total")
        dropped += metric(server, "penchant_state_evictions_total")
        if life % 2:
            codes.append(server.stop(30))
        else:
            server.kill()
        server.start()
    state["stop"] = True
    for client in clients:
        client.join(90)
    users, contents = collections.Counter(), collections.Counter()
    for client in clients:
        users.update(client.users)
        contents.update(client.contents)
    sample = {user: users[user] for user in rng.sample(sorted(users), min(SAMPLE, len(users)))}
    print(f"# {sum(users.values())} events, {sum(c.full for c in clients)} times 503 log_full, {trimmed:.0f} segments trimmed, {dropped:.0f} profiles dropped")
    tap.check(not state["wrong"] and not any(client.is_alive() for client in clients), "every body was acknowledged in the end", state["wrong"][:5])
    tap.check(not any(codes), "SIGTERM ends with 0 each time", codes)
    tap.check(trimmed > 0 and dropped > 0, "logs were trimmed and profiles dropped", (trimmed, dropped))
    wrong = compare(server, sample, contents, 10)
    tap.check(sample and not wrong, f"{LIVES} lives, 0 lost, 0 doubled", wrong[:10])
    tap.check(server.stop(30) == 0, "the last SIGTERM ends with 0")
    server.start()
    wrong = compare(server, sample, contents, 10)
    tap.check(not wrong, "the same after a clean restart", wrong[:10])
    server.stop()


def main():
    tap = Tap()
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
    print(f"# seed {seed}")
    state = {"stop": False, "wrong": [], "seed": seed}
    tap.check(differences({"a": 2}, {"a": 1}) and differences({"a": 2}, {"a": 3}) and not differences({"a": 2}, {"a": 2}),
              "the comparison sees a lost and a doubled event")
    server = Server(arguments=["--log.segment_bytes=256KiB", "--log.bytes=16MiB", "--log.retention=1m", "--engine.profiles_bytes=1MiB",
                               "--engine.changelog_segment_bytes=128KiB", "--engine.checkpoint_interval=200ms", "--engine.workers=2",
                               "--learner.checkpoint_records=1048576", "--learner.contents=4096", "--learner.sessions=4096"])
    try:
        run_lives(tap, server, state, random.Random(seed))
    except RuntimeError as error:
        tap.check(False, "the server starts", error)
    finally:
        state["stop"] = True
        server.remove()
    return tap.end()


sys.exit(main())
