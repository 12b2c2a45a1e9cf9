#!/usr/bin/python3
"""How big tacetd is, how soon its XMPP port is open without tor, and what it takes then, with one account.

usage: TACET_BUILD=BUILD-TREE tests/bench/start.py [--starts 10] [--json]

The time is from before fork to the first connection, tried each millisecond; the median. Sizes are those of
stripped programs; memory is that of a build without optimization, too, if that is what $TACET_BUILD is.
"""

import argparse
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from figures import figure  # noqa: E402
from lib import BUILD, Daemon  # noqa: E402

LIMIT_S = 20


def stripped_kib(program):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, str(BUILD / program)], check=True)
        return pathlib.Path(file.name).stat().st_size / 1024


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def start_ms(daemon):
    began = time.monotonic()
    process = subprocess.Popen([str(BUILD / "tacetd"), "-c", str(daemon.config)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_open(daemon.port):
            if time.monotonic() - began > LIMIT_S:
                raise SystemExit("the port is not opened")
            time.sleep(0.001)
        return (time.monotonic() - began) * 1000
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise SystemExit("no Rss")


def measure(starts):
    """(name, value, unit, target)"""
    daemon = Daemon("start", tor_program="/nonexistent", gateway="http://127.0.0.1:1", log_level="warn")
    del daemon.settings["tor-extra-file"]
    daemon.start()
    try:
        daemon.account("me")
        resident = resident_kib(daemon.pid)
        daemon.stop()
        took = statistics.median(start_ms(daemon) for _ in range(starts))
    finally:
        daemon.remove()
    return [("start until the port is open", took, "ms", "value <= 50"),
            ("resident, one account, no tor", resident, "KiB", "value <= 8192"),
            *((f"size of {name}", stripped_kib(name), "KiB", None) for name in ("tacetd", "tacetctl"))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for name, value, unit, target in measure(args.starts):
        if args.json:
            figure("start", name, value, unit, target=target)
        else:
            print(f"{name:32}{value:10.1f} {unit}")


if __name__ == "__main__":
    main()
