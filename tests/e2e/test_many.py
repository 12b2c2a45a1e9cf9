#!/usr/bin/python3
"""Twenty accounts behind two tor processes: who shares an address, all reachable, one tor killed."""

import os
import pathlib
import signal

from lib import Daemon, main, say, wait_until

ACCOUNTS = 20
TORS = 2
SERVICES = 8


def accounts(daemon):
    return daemon.ctl("status")["accounts"]


def published(daemon):
    return sum(a["published"] for a in accounts(daemon))


def linked(daemon):
    return sum(c["state"] == "linked" for a in accounts(daemon) for c in a["contacts"])


def tors(daemon):
    """The process ids of the daemon's tors, by the directory that each was started with."""
    found = {}
    for pid in pathlib.Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split():
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        found[pathlib.Path(words[words.index("-f") + 1]).parent.name] = int(pid)
    return found


def twenty_accounts_and_two_tors():
    house = Daemon("house", tor_processes=TORS)
    guest = Daemon("guest")
    try:
        house.start()
        guest.start()
        visitor = guest.account("visitor")
        for i in range(ACCOUNTS):
            guest.ctl("contact", "add", house.account(f"user{i}"))
            house.ctl("contact", "add", visitor, "-a", f"user{i}")
        seconds = wait_until("all are published", lambda: published(house) == ACCOUNTS)
        shared = sorted(a["neighbours"] for a in accounts(house))
        say(f"published after {seconds:.0f} s; accounts at the address of each: {shared}")
        assert shared == [1] * (2 * TORS * SERVICES - ACCOUNTS) + [2] * 2 * (ACCOUNTS - TORS * SERVICES), shared
        seconds = wait_until("all are linked", lambda: linked(house) == linked(guest) == ACCOUNTS)
        say(f"all linked after another {seconds:.0f} s")
        # Whoever comes anew finds and dials them, or they him.
        guest.stop()
        guest.start()
        seconds = wait_until("all are linked again", lambda: linked(house) == linked(guest) == ACCOUNTS)
        say(f"and {seconds:.0f} s after the visitor came anew")
        assert sorted(tors(house)) == ["tor", "tor-2"], tors(house)
        first = tors(house)["tor"]
        os.kill(tors(house)["tor-2"], signal.SIGKILL)
        wait_until("it is noticed", lambda: published(house) < ACCOUNTS, pause=0.05)
        assert published(house) > 0
        seconds = wait_until("all are published again", lambda: published(house) == ACCOUNTS)
        assert tors(house)["tor"] == first and len(tors(house)) == TORS
        say(f"one tor was killed: published after {seconds:.0f} s, the other one lives on")
        wait_until("all are linked again", lambda: linked(house) == linked(guest) == ACCOUNTS)
    finally:
        for daemon in (house, guest):
            daemon.stop()
            daemon.remove()


if __name__ == "__main__":
    main(twenty_accounts_and_two_tors)
