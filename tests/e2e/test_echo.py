#!/usr/bin/python3
"""deploy/examples/echo, a program on libtacet: a Jabber user writes a thousand messages to it and gets every one
back, in order; what it takes of memory does not grow with them."""

import os
import pathlib
import re
import subprocess

from lib import Client, Daemon, main, say
from test_forward import Work

MESSAGES = int(os.environ.get("TACET_BOT_MESSAGES", "1000"))
# So many are on their way at once.
AT_ONCE = 100
# More after all messages than after the first hundred, in KiB: caches of the database.
GROWTH_KIB = 4 * 1024


def memory_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


async def talk(user, echo, process):
    for start in range(0, MESSAGES, AT_ONCE):
        end = min(start + AT_ONCE, MESSAGES)
        for number in range(start, end):
            user.say_to(echo, f"message {number}")
        await user.until(f"{end} have come back", lambda: len(user.messages) >= end)
        if start == 0:
            first = memory_kib(process)
    return first, memory_kib(process)


async def echoes():
    alice, work = Daemon("alice").start(), Work()
    try:
        me = alice.account("alice")
        user = await Client(alice, "alice").login()
        echo = work.do("tacet-pipe", "echo", "--id")
        work.do("tacet-pipe", "echo", "--add", me, "--name", "alice")
        alice.ctl("contact", "add", echo, "--name", "Echo")
        process = work.start(work.words("deploy/examples/echo", "echo"), stdout=subprocess.DEVNULL)
        await user.until("sees echo", lambda: user.sees(echo))
        first, last = await talk(user, echo, process)
        bodies = [body for who, body in user.messages if who == f"{echo}@localhost"]
        assert bodies == [f"message {number}" for number in range(MESSAGES)], (len(bodies), bodies[:20])
        assert last - first < GROWTH_KIB, (first, last)
        say(f"{MESSAGES} messages came back in order; the echo has {first} KiB after {AT_ONCE} and {last} KiB at the end")
        await user.logout()
    finally:
        work.end()
        alice.stop()
        alice.remove()


if __name__ == "__main__":
    main(echoes)
