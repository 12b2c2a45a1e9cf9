#!/usr/bin/python3
"""Two of three gateways are hostile, each time in another way: two daemons find each other all the same,
and what is poured over them does not make them grow.

TACET_MOODS="lie flood" tries these moods alone, each by itself; "keys" is only tried so: it takes minutes."""

import os
import pathlib
import time

from hostile_gateway import Gateway
from lib import NET, PATIENCE_S, Pair, main, say, wait_until
from test_records import an_id

# Contacts who never come: each is looked up, so that requests come in crowds.
GHOSTS = 15
# Two publication rounds.
ROUNDS_S = 16 * 60
# The most that a daemon may ever have had in memory, in MB. It has 8 to 12 when nobody disturbs it; the
# sanitizers need several times that.
MEMORY_MB = 40
MEMORY_SANITIZED_MB = 400


def peak_mb(daemon):
    for line in pathlib.Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def is_sanitized(daemon):
    return "libasan" in pathlib.Path(f"/proc/{daemon.pid}/maps").read_text() or \
        "asan" in os.environ.get("TACET_BUILD", "") or "clang" in os.environ.get("TACET_BUILD", "")


def found_each_other(mood):
    honest = (NET / "gateways").read_text().split()
    hostile = [Gateway(honest[1], mood), Gateway(honest[2], mood)]
    pair = Pair(gateway=[hostile[0].url, hostile[1].url, honest[0]])
    try:
        began = time.monotonic()
        pair.start()
        for daemon in (pair.alice, pair.bob):
            for _ in range(GHOSTS if mood != "keys" else 0):
                daemon.ctl("contact", "add", an_id()[1])
        for daemon, contact in ((pair.alice, pair.bob_id), (pair.bob, pair.alice_id)):
            wait_until("linked", lambda d=daemon, c=contact: d.contact_state(c) == "linked",
                       3 * PATIENCE_S if mood != "keys" else ROUNDS_S)
        took = time.monotonic() - began
        time.sleep(10)
        peaks = [peak_mb(daemon) for daemon in (pair.alice, pair.bob)]
        seen = {}
        for gateway in hostile:
            for name, count in gateway.seen.items():
                seen[name] = seen.get(name, 0) + count
        say(f"{mood}: linked after {took:.1f} s, tor's start included; {sum(seen.values())} requests at hostile "
            f"gateways {seen}, which have sent {sum(g.sent for g in hostile) / 1e6:.0f} MB; "
            f"at most {max(peaks):.1f} MB in memory")
        most = MEMORY_SANITIZED_MB if is_sanitized(pair.alice) else MEMORY_MB
        assert max(peaks) < most, f"a daemon has grown to {max(peaks):.1f} MB"
        assert sum(seen.values()) > 0, "nobody has asked a hostile gateway"
    finally:
        for gateway in hostile:
            gateway.shutdown()
        pair.stop()


def two_of_three_are_hostile():
    for mood in os.environ.get("TACET_MOODS", "mixed").split():
        found_each_other(mood)


if __name__ == "__main__":
    main(two_of_three_are_hostile)
