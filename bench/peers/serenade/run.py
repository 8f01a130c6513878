#!/usr/bin/env python3
"""Serenade 0.3.1 and penchant, the same sessions, the same requests, one run.

Goal: answers per CPU-second of the server process, latency seen by the client, memory.
Method: 500,000 sessions, 4M clicks on 100,000 contents (Zipf 0.99, geometric length, mean 8), seeded.
Serenade reads them as its training file; penchant replays them.  2,000 people then view 9 contents each; the
measured requests ask for 21 items for these people, 9 recent items each, m = k = 128, from 16 connections of
wrk (one thread), first one server, then the other, in alternating rounds.  CPU is user plus
system time of the whole server process (/proc/PID/stat), so penchant pays for all its threads.
Serenade's request adds an item to the session as it asks, which is how it is used; penchant's asks only.

Usage: bench/peers/serenade/run.py [--sessions 500000] [--seconds 15] [--rounds 3]
"""
import argparse, bisect, http.client, itertools, json, os, random, re, shutil, socket, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from server import Server

CACHE = os.path.join(os.path.expanduser("~"), ".cache/penchant-peers/serenade")
PEOPLE, RECENT, ITEMS, TARGET = 2000, 9, 21, 1.5


def install():
    binary = os.path.join(CACHE, "bin/serving")
    if not os.path.exists(binary):
        print("building Serenade 0.3.1 with cargo (minutes; needs libclang-dev)", flush=True)
        subprocess.run(["cargo", "install", "serenade", "--version", "0.3.1", "--locked", "--root", CACHE, "--quiet"], check=True)
    return binary


def generate(path, sessions, contents, seed):
    rng = random.Random(seed)
    weights = list(itertools.accumulate(1 / rank ** 0.99 for rank in range(1, contents + 1)))
    clicks, end = 0, 1592400000
    with open(path, "w") as out:
        out.write("SessionId\tItemId\tTime\n")
        for session in range(1, sessions + 1):
            length = 2
            while rng.random() > 1 / 7:
                length += 1
            at = end - 30 * 86400 * (1 - session / sessions)
            for item in rng.choices(range(1, contents + 1), cum_weights=weights, k=length):
                at += rng.lognormvariate(3.5, 1)
                out.write(f"{session}\t{item}\t{at:.1f}\n")
            clicks += length
    return clicks, weights


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


def wait_port(port, process, seconds=300):
    until = time.time() + seconds
    while time.time() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the peer did not start")


def wrk(port, paths, seconds, folder, label):
    script = os.path.join(folder, label + ".lua")
    with open(script, "w") as out:
        out.write("local paths = {\n" + "".join(f'"{p}",\n' for p in paths) + "}\nlocal i = 0\n"
                  "request = function() i = i % #paths + 1 return wrk.format('GET', paths[i]) end\n")
    text = subprocess.run(["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{port}"],
                          capture_output=True, text=True, timeout=seconds + 60).stdout
    count = int(re.search(r"(\d+) requests in", text).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if bad or "Socket errors" in text:
        raise RuntimeError(f"{label}: failed requests\n{text}")
    return count, re.search(r"50%\s+(\S+)", text).group(1), re.search(r"99%\s+(\S+)", text).group(1)


def measure(name, pid, port, paths, seconds, folder):
    before = cpu_seconds(pid)
    count, p50, p99 = wrk(port, paths, seconds, folder, name)
    cpu = cpu_seconds(pid) - before
    print(f"  {name:9} {count / cpu:9.0f} answers per CPU-second  {count / seconds:7.0f}/s  client p50 {p50} p99 {p99}", flush=True)
    return count / cpu


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=500000)
    parser.add_argument("--contents", type=int, default=100000)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    serving = install()
    folder = tempfile.mkdtemp(prefix="penchant-peer-")
    peer, ours = None, None
    try:
        train = os.path.join(folder, "train.txt")
        clicks, weights = generate(train, arguments.sessions, arguments.contents, 7)
        print(f"{arguments.sessions} sessions, {clicks} clicks, {arguments.contents} contents")
        rng = random.Random(8)
        items = lambda k: rng.choices(range(1, arguments.contents + 1), cum_weights=weights, k=k)
        recent = [items(RECENT) for _ in range(PEOPLE)]

        port = free_port()
        config = os.path.join(folder, "serenade.toml")
        with open(config, "w") as out:
            out.write(f'config_type = "toml"\n[server]\nhost = "127.0.0.1"\nport = {port}\nnum_workers = 1\n[log]\nlevel = "info"\n'
                      f'[data]\ntraining_data_path = "{train}"\n[model]\nm_most_recent_sessions = 128\nneighborhood_size_k = 128\n'
                      f'max_items_in_session = {RECENT}\nnum_items_to_recommend = {ITEMS}\nidf_weighting = 5\n[logic]\nenable_business_logic = false\n'
                      'example_item_id = 1\n[hyperparam]\ntraining_data_path = "x"\ntest_data_path = "x"\nvalidation_data_path = "x"\nnum_iterations = 1\nsave_records = false\nout_path = "x"\nenable_business_logic = false\nn_most_recent_sessions_range = "[100,200]"\nneighborhood_size_k_range = "[50,100]"\nlast_items_in_session_range = "[1,9]"\nidf_weighting_range = "[0,5]"\n')
        peer = subprocess.Popen([serving, config], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(port, peer)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for person, viewed in enumerate(recent):
            for item in viewed:
                connection.request("GET", f"/v1/recommend?session_id={10_000_000 + person}&user_consent=true&item_id={item}")
                connection.getresponse().read()
        peer_paths = [f"/v1/recommend?session_id={10_000_000 + p}&user_consent=true&item_id={item}"
                      for _ in range(5) for p, item in zip(range(PEOPLE), items(PEOPLE))]

        ours = Server(arguments=["--learner.contents=262144"])
        subprocess.run([ours.binary, "replay", train, "--columns", "user=SessionId,content=ItemId,time=Time", "--type", "click",
                        "--data", ours.data, "--learner.contents=262144"], check=True)
        ours.start()
        connection = ours.connect(30)
        for person, viewed in enumerate(recent):
            body = [{"user_id": f"asked{person}", "event_type": "click", "content_id": str(item)} for item in viewed]
            ours.call("POST", "/v1/events", body, connection=connection)
        our_paths = [f"/v1/recommendations/asked{person}?n={ITEMS}" for person in range(PEOPLE)]

        results = {"serenade": [], "penchant": []}
        for _ in range(arguments.rounds):
            results["serenade"].append(measure("serenade", peer.pid, port, peer_paths, arguments.seconds, folder))
            results["penchant"].append(measure("penchant", ours.process.pid, ours.port, our_paths, arguments.seconds, folder))
        theirs, mine = statistics.median(results["serenade"]), statistics.median(results["penchant"])
        print(f"median answers per CPU-second: serenade {theirs:.0f}, penchant {mine:.0f}; memory {rss_mib(peer.pid):.0f} and "
              f"{rss_mib(ours.process.pid):.0f} MiB")
        print(f"ratio {mine / theirs:.2f} (target {TARGET}){'' if mine / theirs >= TARGET else '  MISSED'}")
        return 0
    finally:
        if peer:
            peer.kill()
            peer.wait()
        if ours:
            ours.remove()
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
