#!/usr/bin/python3
"""Two people, two daemons, a private Tor network, a DHT ring, and clients that others wrote."""

import asyncio
import random
import time

from lib import Client, Pair, main, say

SHOWS = [("away", "be right back"), ("dnd", "nicht stören — 勿扰 🤫"), ("xa", ""), ("chat", "come in"),
         ("", "x" * 1000)]
MESSAGES = 1000


def unicode_text(rng, number):
    """Any characters that XML can carry, with a number that shows the order."""
    ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x400, 0x4FF), (0x4E00, 0x9FFF), (0x1F300, 0x1F6FF), (0x600, 0x6FF)]
    body = "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 200)))
    return f"{number} {body} <&>\"' \n]]>"


async def log_in_both(pair):
    return await Client(pair.alice, "alice").login(), await Client(pair.bob, "bob").login()


async def see_each_other(pair, alice, bob):
    await asyncio.gather(
        alice.until("sees bob", lambda: alice.sees(pair.bob_id)),
        bob.until("sees alice", lambda: bob.sees(pair.alice_id)))


async def the_whole_story():
    pair = Pair().start()
    try:
        began = time.monotonic()
        alice, bob = await log_in_both(pair)
        await see_each_other(pair, alice, bob)
        say(f"both in the same second: see each other {time.monotonic() - began:.1f} s after login, "
            "tor's start included")
        await every_show_and_status(pair, alice, bob)
        await a_thousand_messages_each_way(pair, alice, bob)
        await logging_out_is_seen_at_once(pair, alice, bob)
        await a_message_waits_for_the_client(pair, alice)
    finally:
        pair.stop()


async def every_show_and_status(pair, alice, bob):
    for show, status in SHOWS:
        alice.send_presence(pshow=show or None, pstatus=status)
        took = await bob.until(f"sees {show} {status[:20]}",
                               lambda: bob.sees(pair.alice_id, show or "available", status))
        say(f"{show or 'available'} {status[:20]!r} arrived after {took:.2f} s")


async def a_thousand_messages_each_way(pair, alice, bob):
    rng = random.Random(7)
    out_a = [unicode_text(rng, i) for i in range(MESSAGES)]
    out_b = [unicode_text(rng, i) for i in range(MESSAGES)]
    began = time.monotonic()
    for a, b in zip(out_a, out_b):
        alice.say_to(pair.bob_id, a)
        bob.say_to(pair.alice_id, b)
    await alice.until("all messages", lambda: len(alice.messages) >= MESSAGES)
    await bob.until("all messages", lambda: len(bob.messages) >= MESSAGES)
    say(f"{MESSAGES} messages each way in {time.monotonic() - began:.1f} s")
    await asyncio.sleep(1)
    assert [m[1] for m in bob.messages] == out_a, "bob did not get alice's messages once and in order"
    assert [m[1] for m in alice.messages] == out_b, "alice did not get bob's messages once and in order"
    assert not alice.errors and not bob.errors


async def logging_out_is_seen_at_once(pair, alice, bob):
    bob.send_presence(ptype="unavailable")
    took = await alice.until("sees bob leave", lambda: alice.sees(pair.bob_id, ""), limit=10)
    await bob.logout()
    say(f"a logout was seen after {took:.2f} s")


async def a_message_waits_for_the_client(pair, alice):
    for i in range(5):
        alice.say_to(pair.bob_id, f"while you were out {i}")
    await asyncio.sleep(2)
    bob = await Client(pair.bob, "bob").login()
    await bob.until("gets what waited", lambda: len(bob.messages) >= 5)
    assert [m[1] for m in bob.messages] == [f"while you were out {i}" for i in range(5)]
    await bob.logout()
    await alice.logout()


async def whoever_comes_first():
    """One daemon and client are long there, and have published, when the other starts; both orders."""
    for first in ("alice", "bob"):
        pair = Pair().start()
        try:
            early, late = (pair.alice, pair.bob) if first == "alice" else (pair.bob, pair.alice)
            late.stop()
            one = await Client(early, early.name).login()
            late_id = pair.bob_id if first == "alice" else pair.alice_id
            early_id = pair.alice_id if first == "alice" else pair.bob_id
            await one.until("waits", lambda: early.contact_state(late_id) == "waiting")
            late.start()
            began = time.monotonic()
            other = await Client(late, late.name).login()
            await asyncio.gather(one.until("sees the other", lambda: one.sees(late_id)),
                                 other.until("sees the first", lambda: other.sees(early_id)))
            say(f"{first} first: seen {time.monotonic() - began:.1f} s after the other's login")
            await one.logout()
            await other.logout()
        finally:
            pair.stop()


if __name__ == "__main__":
    main(the_whole_story, whoever_comes_first)
