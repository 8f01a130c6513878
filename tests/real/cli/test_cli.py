#!/usr/bin/env python3
"""Goal: the command line as a user meets it: exit codes, clear errors with the fix, start, stop, restart.
Method: the release binary is run as a process; what it prints and returns is looked at."""
import json, os, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
from server import BIN, Server, Tap


def run(*arguments, environment=None, cwd=None):
    result = subprocess.run([BIN, *arguments], capture_output=True, text=True, timeout=60, cwd=cwd,
                            env=dict(os.environ, **(environment or {})))
    return result.returncode, result.stdout, result.stderr


def check_settings(tap, folder):
    path = os.path.join(folder, "penchant.yaml")
    with open(path, "w") as out:
        out.write("log:\n  durabilty: always\n")
    code, _, err = run("check", "--config", path)
    tap.check(code == 3 and "penchant.yaml:2" in err and "durability" in err, "an unknown key names file, line and the nearest key", err)
    with open(path, "w") as out:
        out.write("log:\n  durability: always\nfeatures:\n  - {name: shares_1h, entity: content, kind: count, types: [share], window: 1h}\n")
    code, out_text, err = run("check", "--config", path)
    tap.check(code == 0 and "shares_1h" in out_text, "a declared feature is compiled", out_text + err)
    with open(path, "w") as out:
        out.write("features:\n  - {name: x, entity: content, kind: count, types: [shrae], window: 1h}\n")
    code, _, err = run("check", "--config", path)
    tap.check(code == 3 and ":2" in err and "shrae" in err, "a feature of an unknown event type is refused with its line", err)
    code, out_text, _ = run("check", "--defaults")
    with open(path, "w") as out:
        out.write(out_text)
    code, _, err = run("check", "--config", path)
    tap.check(code == 0, "the printed defaults are valid settings", err)
    code, out_text, err = run("check", environment={"PENCHANT_LOG_DURABILITY": "os"})
    tap.check(code == 0 and "PENCHANT_LOG_DURABILITY" in out_text, "an environment value shows with its origin", out_text + err)
    code, _, err = run("check", "--log.durability=sometimes")
    tap.check(code == 3 and "always" in err, "a bad choice names the choices", err)


def check_verbs(tap):
    code, out, _ = run("version")
    tap.check(code == 0 and out.startswith("penchant "), "version")
    code, out, _ = run("help")
    tap.check(code == 0 and all(v in out for v in ("serve", "demo", "replay", "evaluate", "status")), "help lists the verbs")
    wrong = [v for v in ("serve", "demo", "check", "status", "replay", "evaluate", "describe", "version")
             if run(v, "--help")[0] != 0 or "usage:" not in run(v, "--help")[1]]
    tap.check(not wrong, "each verb has --help", wrong)
    code, _, err = run("servee")
    tap.check(code == 2, "an unknown verb is misuse", err)
    code, _, err = run("serve", "extra")
    tap.check(code == 2, "an unexpected argument is misuse", err)
    code, _, err = run("status", "--url", "http://127.0.0.1:1")
    tap.check(code == 4, "status of nobody: not reachable", err)


def check_server(tap):
    server = Server().start()
    try:
        banner = "".join(server.lines)
        tap.check(all(word in banner for word in ("penchant ", "settings", "data", "durable", "memory", "ready in")),
                  "the banner says where everything is", banner)
        code, _, err = run("serve", "--data", server.data, "--listen", "127.0.0.1:0")
        tap.check(code == 3 and "fix:" in err, "a data directory in use is refused with what to do", err)
        code, _, err = run("serve", "--data", tempfile.mkdtemp(), "--listen", f"127.0.0.1:{server.port}")
        tap.check(code == 3 and "--listen" in err, "a busy port is named with the flag", err)
        code, _, err = run("serve", "--data", tempfile.mkdtemp(), "--listen", "0.0.0.0:0")
        tap.check(code == 3, "listening to the world without keys is refused", err)
        code, out, err = run("status", "--url", f"http://127.0.0.1:{server.port}")
        tap.check(code == 0 and "ready" in out, "status of a running server", out + err)
        code, out, err = run("status", "--url", f"http://127.0.0.1:{server.port}", "--json")
        tap.check(code == 0 and json.loads(out)["status"] == "ready", "status as JSON", out + err)
        status, _, answer = server.call("POST", "/v1/events", {"user_id": "ann", "event_type": "view", "content_id": "a"})
        tap.check(status == 200 and answer["accepted"] == 1, "an event is accepted", answer)
        began = time.time()
        code = server.stop()
        tap.check(code == 0 and time.time() - began < 10, "SIGTERM ends with 0", code)
        server.start()
        status, _, answer = server.call("GET", "/v1/users/ann")
        tap.check(status == 200, "the event is there after a restart", answer)
        with open(os.path.join(server.data, "FORMAT"), "a") as out:
            out.write("")
        server.stop()
        code, _, err = run("serve", "--data", server.data, "--listen", "127.0.0.1:0", "--engine.partitions=7")
        tap.check(code == 3 and "partition" in err, "another partition count is refused", err)
        foreign = tempfile.mkdtemp()
        with open(os.path.join(foreign, "somebody-elses-file"), "w") as out:
            out.write("x")
        code, _, err = run("serve", "--data", foreign, "--listen", "127.0.0.1:0")
        tap.check(code == 3 and os.listdir(foreign) == ["somebody-elses-file"], "a foreign directory is refused and left alone", err)
    finally:
        server.remove()


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        check_verbs(tap)
        check_settings(tap, folder)
        check_server(tap)
    return tap.end()


sys.exit(main())
