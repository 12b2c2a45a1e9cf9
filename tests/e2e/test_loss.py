#!/usr/bin/python3
"""A daemon is killed, the ring loses a third of its nodes, and both find each other again."""

import asyncio
import json
import os
import signal
import time

from lib import NET, Client, Pair, Uploads, main, say

# Renewal in these tests is 10 s; a link is dead after three that were missing, each up to 30 % late.
RENEWAL_LIMIT_S = 3 * 10 * 1.3 + 5


async def killed_and_met_again():
    pair = Pair().start()
    info = json.loads((NET / "testnet.json").read_text())
    frozen = info["dht_pids"][-2:]
    try:
        uploads = Uploads(pair.bob)
        alice = await Client(pair.alice, "alice").login()
        bob = await Client(pair.bob, "bob").login()
        await alice.until("sees bob", lambda: alice.sees(pair.bob_id))
        await bob.until("sees alice", lambda: bob.sees(pair.alice_id))
        before = uploads.wait()
        # A third of the ring goes: stopped, not killed, so that the next test finds it whole again. A node
        # that does not answer is worse than one whose port is closed.
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        pair.bob.kill()
        began = time.monotonic()
        await alice.until("sees bob gone", lambda: alice.sees(pair.bob_id, ""), limit=RENEWAL_LIMIT_S)
        say(f"SIGKILL was seen after {time.monotonic() - began:.1f} s (limit {RENEWAL_LIMIT_S:.0f} s)")
        alice.say_to(pair.bob_id, "for when you are back")
        pair.bob.start()
        after = Uploads(pair.bob)
        began = time.monotonic()
        bob = await Client(pair.bob, "bob").login()
        await asyncio.gather(alice.until("sees bob again", lambda: alice.sees(pair.bob_id)),
                             bob.until("sees alice again", lambda: bob.sees(pair.alice_id)))
        say(f"met again {time.monotonic() - began:.1f} s after the restart, with 2 of 6 nodes silent")
        await bob.until("gets what waited", lambda: bob.messages)
        assert bob.messages[0][1] == "for when you are back"
        assert not before & after.wait(), "the onion address did not change"
        await alice.logout()
        await bob.logout()
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        pair.stop()


if __name__ == "__main__":
    main(killed_and_met_again)
