#!/usr/bin/python3
"""What tacetd costs with many contacts who are away, on the private network: memory, CPU, requests.

  TACET_TESTNET=/tmp/net TACET_BUILD=build tests/bench/bench_daemon.py [--json] [contacts, 500] [seconds, 120]

Daemons with 1, with 50 and with that many contacts run beside each other, so that each figure stands
beside its ratio to the others. Counted from when the last contact was looked up; tor's own cost is not
in it. RSS counts each page of a library as if nobody else used it, "own" is what no other process has.
"""

import argparse
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from figures import figure  # noqa: E402
from lib import Daemon, say  # noqa: E402
from test_records import an_id  # noqa: E402

SETTLE_S = 60
TICKS = os.sysconf("SC_CLK_TCK")


def memory_kb(pid):
    """RSS, and what is not shared."""
    sums = {}
    for line in open(f"/proc/{pid}/smaps_rollup", encoding="ascii").readlines()[1:]:
        name, value = line.split()[:2]
        sums[name] = int(value)
    return sums["Rss:"], sums["Private_Clean:"] + sums["Private_Dirty:"]


def cpu_s(pid):
    words = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def requests(daemon):
    return sum(g["answers"] + g["failures"] for g in daemon.ctl("status")["gateways"])


def report_json(rows):
    for count, rss, own, cpu, requests_min in rows:
        one = count == 1
        figure("daemon", f"resident, {count} contacts", rss, "KiB", target="value <= 8192" if one else None)
        figure("daemon", f"own memory, {count} contacts", own, "KiB")
        figure("daemon", f"CPU, {count} contacts", cpu, "%", target="value <= 0.1" if count <= 100 else None)
        figure("daemon", f"requests, {count} contacts", requests_min, "/min")


def report(rows):
    print("contacts   RSS KiB   own KiB   CPU %   requests/min")
    for row in rows:
        print("%8d %9d %9d %7.2f %14.1f" % row)
    for row in rows[:2]:
        print("%4d : %-3d" % (rows[2][0], row[0]),
              *("%8.2f" % (a / b if b else 0) for a, b in zip(rows[2][1:], row[1:])))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contacts", type=int, nargs="?", default=500)
    parser.add_argument("seconds", type=int, nargs="?", default=120)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    counts = [1, 50, args.contacts]
    daemons = [Daemon(f"bench{n}", log_level="warn") for n in counts]
    for daemon, count in zip(daemons, counts):
        daemon.start()
        daemon.account("me")
        for _ in range(count):
            daemon.ctl("contact", "add", an_id()[1])
    time.sleep(SETTLE_S)
    before = [(cpu_s(d.pid), requests(d)) for d in daemons]
    time.sleep(args.seconds)
    rows = []
    for daemon, count, (cpu, asked) in zip(daemons, counts, before):
        rss, own = memory_kb(daemon.pid)
        rows.append((count, rss, own, 100 * (cpu_s(daemon.pid) - cpu) / args.seconds,
                     60 * (requests(daemon) - asked) / args.seconds))
    (report_json if args.json else report)(rows)
    for daemon in daemons:
        daemon.stop()
        daemon.remove()
    say("done")


main()
