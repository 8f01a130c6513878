"""A penchant process for tests: starts it on a free port in a directory of its own, kills and restarts it.

Only processes started here are ended, by pid.  Every wait is bounded.
"""
import http.client, json, os, re, shutil, signal, subprocess, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("TEST_BIN", os.path.join(ROOT, "build/release/penchant"))


class Server:
    def __init__(self, verb="serve", arguments=(), data=None, binary=BIN):
        self.own = data is None
        self.data = data or tempfile.mkdtemp(prefix="penchant-test-")
        self.verb, self.arguments, self.binary = verb, list(arguments), binary
        self.process, self.port, self.lines = None, 0, []

    def start(self, seconds=30):
        self.lines = []
        self.process = subprocess.Popen(
            [self.binary, self.verb, "--data", self.data, "--listen", "127.0.0.1:0", *self.arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        until = time.time() + seconds
        while time.time() < until:
            if any("ready in" in line for line in self.lines):
                match = re.search(r"http://127\.0\.0\.1:(\d+)/", "".join(self.lines))
                if match:
                    self.port = int(match.group(1))
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError("not ready:\n" + "".join(self.lines))

    def _read(self, process):
        for line in process.stdout:
            self.lines.append(line)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self, seconds=60):
        """SIGTERM; returns the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)
                raise
        return self.process.returncode if self.process else None

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        if self.own:
            shutil.rmtree(self.data, ignore_errors=True)

    def connect(self, timeout=10):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def call(self, method, path, body=None, headers=None, connection=None):
        """(status, headers, decoded body) of one request."""
        own = connection is None
        connection = connection or self.connect()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read()
        if own:
            connection.close()
        try:
            value = json.loads(text) if text else None
        except ValueError:
            value = text.decode(errors="replace")
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, value


class Tap:
    """Numbers and prints the cases of a script."""

    def __init__(self):
        self.count, self.failed = 0, 0

    def check(self, holds, name, why=""):
        self.count += 1
        self.failed += not holds
        if not holds and why:
            print("# " + str(why).replace("\n", "\n# "))
        print(("ok" if holds else "not ok") + f" {self.count} - {name}", flush=True)
        return holds

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0
