#!/usr/bin/python3
"""How long does it take from a client's login until it shows that the other is there, who was there first?

usage: TACET_BUILD=BUILD-TREE tests/bench/first_contact.py [--delays 25,100] [--contacts 5] [--json]      (as root)

For each delay a private network in a namespace of its own, in which each packet between two Tor processes takes so
many milliseconds. tacetd A has its accounts online, each waits for another account of tacetd B's, which is in the
mode "follow". Then a client logs in at B, one account after the other: two people who have never met, and an onion
service that nobody has asked for. The three sequential trips through Tor after bootstrap:

  lookup    a request to a gateway, over a circuit of its own: who is there, and where?
  dial      to the onion service, whatever that takes tor: descriptor, introduction, rendezvous
  answer    knock, and the answer with the status in the same flight

How long each stage took is read from B's log. Beside it the same three done bare, by this program, through the same
two tors, in turn with them: the sum of the parts. From two delays follows how many times a packet had to go from one
Tor process to another, one after the other."""

import argparse
import datetime
import json
import pathlib
import re
import secrets
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import delayed  # noqa: E402
from figures import figure  # noqa: E402
import through_tor  # noqa: E402
from tor_trip import Echo, bare_trip  # noqa: E402

STAGES = ["lookup", "dial", "answer"]
# What the log says when one of them begins, also again.
BEGINNINGS = ["looking", "dialler dialling", "dialler shaking"]
# Of a first contact in 2006, calculated (paper 001, section V.E), in seconds.
PAPER_S = 21.1
LIMIT_S = 120
# Until a service is known to the relays that are asked for it, with 100 ms a hop.
SETTLE_S = 15
STATE = re.compile(r"(\S+) \[debug\] (?:contact \S+: \w+ -> (\w+)|(session|dialler): \w+ -> (\w+))")


# --- the stages of tacet ---

def moments(log):
    """(seconds, what has begun) from the lines of a log: states of contacts, sessions, dials."""
    for line in log.splitlines():
        match = STATE.match(line)
        if match:
            when = datetime.datetime.fromisoformat(match[1].replace("Z", "+00:00")).timestamp()
            yield when, match[2] or f"{match[3]} {match[4]}"


def stages(log, began, ended):
    """How long each took: until the dial, until the knock, until the end; and what was before the lookup."""
    first, trips = {}, 0
    for when, what in moments(log):
        first.setdefault(what, when)
        trips += what in BEGINNINGS and when <= ended
    return {"before": first["looking"] - began, "lookup": first["dialler dialling"] - first["looking"],
            "dial": first["dialler shaking"] - first["dialler dialling"],
            "answer": ended - first["dialler shaking"], "trips": trips}


def wait_for_presence(client, host):
    """Read what the server says until the host is shown as being there."""
    have = b""
    pattern = re.compile(rb"<presence\b(?=[^>]*from=['\"]" + host.encode() + rb"@)(?![^>]*type=)[^>]*>")
    client.socket.settimeout(LIMIT_S)
    while not pattern.search(have):
        more = client.socket.recv(65536)
        assert more, "the server has ended the stream"
        have += more


def first_contact(guest, account, host):
    from local_hop import Session
    before = len(guest.log)
    began_wall, began = time.time(), time.monotonic()
    client = Session(guest.port, "bench", user=account)
    wait_for_presence(client, host)
    took = time.monotonic() - began
    times = stages(guest.log[before:], began_wall, began_wall + took)
    client.close()
    return times | {"all": took}


# --- the same, bare ---

def bare_lookup(tor, gateway):
    host, _, port = gateway.removeprefix("http://").partition(":")
    began = time.monotonic()
    with through_tor.dial(tor, host, int(port)) as connection:
        connection.sendall(f"GET /key/{secrets.token_hex(20)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert b"200" in connection.recv(4096)
    return time.monotonic() - began


def bare(tors, gateway):
    """The three parts, with a service that is new and has had time to become known."""
    echo = Echo(tors[0])
    time.sleep(SETTLE_S)
    times = {"lookup": bare_lookup(tors[1], gateway)}
    began = time.monotonic()
    connection = echo.dial(tors[1])
    times["dial"] = time.monotonic() - began
    times["answer"] = bare_trip(connection)
    connection.close()
    return times | {"all": sum(times.values())}


# --- the whole ---

def is_there(daemon, account):
    """Is its service published, and its record out?"""
    [state] = [a for a in daemon.ctl("status")["accounts"] if a["name"] == account]
    return state["published"] and all(c["state"] == "waiting" for c in state["contacts"])


def measure(contacts):
    from lib import Daemon, wait_until
    from local_hop import PASSWORD, Session
    host, guest = Daemon("host", log_level="warn"), Daemon("guest", log_level="debug")
    try:
        for daemon in (host, guest):
            daemon.start()
        for daemon in (host, guest):
            wait_until("tor is ready", lambda d=daemon: d.ctl("status")["tor"]["progress"] == 100)
        tors = [d.directory / "state" / "tor" for d in (host, guest)]
        ours, parts = [], []
        for i in range(contacts):
            ids = [daemon.account(f"{daemon.name}{i}", PASSWORD) for daemon in (host, guest)]
            guest.ctl("mode", "-a", f"guest{i}", "follow")
            guest.ctl("contact", "add", "-a", f"guest{i}", ids[0])
            host.ctl("contact", "add", "-a", f"host{i}", ids[1])
            at_home = Session(host.port, "home", user=f"host{i}")
            wait_until("the host is published", lambda i=i: is_there(host, f"host{i}"))
            parts.append(bare(tors, host.settings["gateway"][i % len(host.settings["gateway"])]))
            ours.append(first_contact(guest, f"guest{i}", ids[0]))
            at_home.close()
            print(f"{ours[-1]['all']:.2f} s; the parts {parts[-1]['all']:.2f} s", file=sys.stderr)
        return ours, parts
    finally:
        for daemon in (host, guest):
            daemon.stop()
            daemon.remove()


def medians(samples):
    return {key: statistics.median(s[key] for s in samples) for key in samples[0]}


def show(args, results):
    for delay, (ours, parts) in results.items():
        if args.json:
            figure("first_contact", f"login to presence, {delay} ms a hop", ours["all"], "s", parts["all"])
            figure("first_contact", f"beside 2006, {delay} ms a hop", ours["all"], "s", PAPER_S)
            continue
        print(f"{delay} ms a hop    " + "".join(f"{name:>9}" for name in ["before", *STAGES, "all"]))
        print("  tacet        " + "".join(f"{ours[name]:9.3f}" for name in ["before", *STAGES, "all"]))
        print("  bare parts   " + " " * 9 + "".join(f"{parts[name]:9.3f}" for name in [*STAGES, "all"]))
        print(f"  ratio {ours['all'] / parts['all']:.2f}; in 2006 {PAPER_S} s")
    if args.json:
        figure("first_contact", "sequential trips through Tor", max(ours["trips"] for ours, _ in results.values()),
               "trips", target="value <= 3")
    if len(results) == 2 and not args.json:
        (low, (ours_low, parts_low)), (high, (ours_high, parts_high)) = sorted(results.items())
        for name, a, b in (("tacet", ours_low, ours_high), ("bare parts", parts_low, parts_high)):
            print(f"  hops one after the other, {name:10} " + "  ".join(
                f"{stage} {(b[stage] - a[stage]) * 1000 / (high - low):.0f}" for stage in [*STAGES, "all"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delays", default="25,100", metavar="MS,MS")
    parser.add_argument("--contacts", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        with delayed.network(args.one):
            print(json.dumps([medians(samples) for samples in measure(args.contacts)]))
        return
    # Each in a process of its own, since lib.py keeps to one network.
    results = {delay: json.loads(subprocess.run(
        [sys.executable, __file__, "--one", str(delay), "--contacts", str(args.contacts)], check=True,
        stdout=subprocess.PIPE).stdout) for delay in map(int, args.delays.split(","))}
    show(args, results)


if __name__ == "__main__":
    main()
