#!/usr/bin/env python3
"""Runs test programs and counts.

Goal: one place that runs every suite, in parallel where that is harmless, and ends with the
line `N passed, N failed, N skipped`.
Method: a test is a program that prints TAP (`ok 1 - name`, `not ok 2 - name`, `ok 3 # SKIP why`).
cmocka programs print TAP by CMOCKA_MESSAGE_OUTPUT.  A program that ends badly or in silence is
itself a failed test, so a crash can never look like success.
"""
import argparse, concurrent.futures, os, re, signal, subprocess, sys, time

LINE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*)$")


def start(path, environment):
    return subprocess.Popen([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
                            errors="replace", start_new_session=True)


def run(path, timeout, environment):
    started = time.time()
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", **environment)
    try:
        process = start(path, env)
    except OSError as error:
        return path, 0, [f"could not be started: {error}"], [], "", 0.0
    try:
        output, _ = process.communicate(timeout=timeout)
        ended = "" if process.returncode == 0 else f"exit {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        ended = f"no end after {timeout} s"
    passed, failed, skipped = 0, [], []
    for line in output.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        name = match.group(2)
        if match.group(1):
            failed.append(name)
        elif "# SKIP" in name or "# skip" in name:
            skipped.append(name)
        else:
            passed += 1
    if ended and not failed:
        failed.append(ended)
    if not ended and passed + len(failed) + len(skipped) == 0:
        failed.append("ran no test")
    return path, passed, failed, skipped, output, time.time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("--totals", help="file that totals are added to")
    parser.add_argument("--label", default="")
    parser.add_argument("programs", nargs="*")
    arguments = parser.parse_args()
    totals = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(run, p, arguments.timeout, {}) for p in arguments.programs]
        for future in concurrent.futures.as_completed(futures):
            path, passed, failed, skipped, output, seconds = future.result()
            name = os.path.relpath(path)
            print(f"{'FAIL' if failed else 'ok  '} {arguments.label:8} {name}  {passed} passed"
                  f"{', %d failed' % len(failed) if failed else ''}"
                  f"{', %d skipped' % len(skipped) if skipped else ''}  {seconds:.1f} s", flush=True)
            for reason in skipped:
                print(f"       skipped: {reason}")
            if failed:
                print("       " + "\n       ".join(output.splitlines()[-60:]))
                for case in failed:
                    print(f"       failed: {case}", flush=True)
            totals[0] += passed
            totals[1] += len(failed)
            totals[2] += len(skipped)
    if arguments.totals:
        with open(arguments.totals, "a") as out:
            out.write("%d %d %d\n" % tuple(totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
