#!/usr/bin/python3
"""Faults, with real tor and dhtnodes: after each the daemon is well again by itself, which means that the
contacts see each other and that what was written meanwhile has arrived, once and in order. Each says how
long that took since its cause was gone; tacetd(8) has the table.

Without --long only those that end soon. With it, all is away for three minutes; a tor hangs for ever; and a
network of its own is cut off for five minutes, by root. No machine sleeps here: a process and its tor are
stopped, and when they go on their clocks have (jump_clock.c). A full disk has a test of its own,
test_disk.py; an hour without a network and a day without gateways pass in tests/scenario/faults.txt, by a
fake clock.
"""

import asyncio
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

from lib import NET, PATIENCE_S, Client, Pair, main, say, wait_until

LONG = "--long" in sys.argv
if LONG:
    sys.argv.remove("--long")
# So that a dead link is noticed after 12 s and not after eight minutes.
RENEWAL = "3s"
# What is written by each while the fault is there.
MESSAGES = 3
# How long what is only away for a while is away, in s: longer than a dead link stays unnoticed.
AWAY_S = 180 if LONG else 14
HOURS_8_MS = 8 * 3600 * 1000
# Tor takes a step of 100 s for a sleep. It would take eight hours as well, but then its time would be
# another than that of the network, which has not slept.
TOR_JUMP_MS = 150 * 1000
WELL_LIMIT_S = 600 if LONG else PATIENCE_S
# The network that is cut off: packets take so long between its tors; connections die after so many packets
# without an answer, some 10 s, as after a quarter of an hour by Linux's default of 15.
CUT_DELAY_MS = 5
CUT_RETRIES = 4
CUT_S = 300


def tor_of(daemon):
    """The process id of its own tor, which may be starting at this moment."""
    children = pathlib.Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children")
    wait_until("it has a tor", lambda: len(children.read_text().split()) == 1)
    return int(children.read_text())


def send_signal(number, *pids):
    for pid in pids:
        os.kill(pid, number)


def network():
    return json.loads((NET / "testnet.json").read_text())


class SleepingClock:
    """Clocks of the processes that are started within it, which can be set ahead (jump_clock.c)."""

    def __init__(self, directory):
        self.file = directory / "jump"
        library = directory / "jump_clock.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library),
                        str(pathlib.Path(__file__).with_name("jump_clock.c"))], check=True)
        self.file.write_bytes(bytes(16))
        self.environment = {"LD_PRELOAD": str(library), "TACET_JUMP": str(self.file)}

    def set(self, boot_ms, wall_ms):
        # In place: it is mapped.
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=qq", boot_ms, wall_ms))

    def __enter__(self):
        os.environ |= self.environment

    def __exit__(self, *_):
        for name in self.environment:
            del os.environ[name]


class World:
    """Two people who are online, and see each other."""

    def __init__(self):
        self.pair = Pair(status_renewal=RENEWAL)
        self.clock = SleepingClock(self.pair.alice.directory)
        self.sent = 0

    async def enter(self):
        with self.clock:
            self.pair.start()
        self.alice, self.bob = Client(self.pair.alice, "alice"), Client(self.pair.bob, "bob")
        await asyncio.gather(self.alice.login(), self.bob.login())
        await self.well()
        return self

    def write(self):
        for _ in range(MESSAGES):
            self.sent += 1
            self.alice.say_to(self.pair.bob_id, f"message {self.sent}")
            self.bob.say_to(self.pair.alice_id, f"message {self.sent}")

    async def well(self):
        """Until all is as it should be; fails when a message came twice or out of order."""
        want = [f"message {i + 1}" for i in range(self.sent)]
        people = ((self.alice, self.pair.bob_id), (self.bob, self.pair.alice_id))
        await asyncio.gather(*[
            client.until("is well again", lambda c=client, i=other: c.sees(i) and len(c.messages) >= self.sent,
                         limit=WELL_LIMIT_S) for client, other in people])
        for client, _ in people:
            assert [body for _, body in client.messages] == want, client.messages

    async def missed(self):
        """Until Bob has noticed that Alice is gone."""
        await self.bob.until("sees alice go", lambda: self.bob.sees(self.pair.alice_id, ""))

    async def leave(self):
        assert not self.pair.alice.ctl("status")["trouble"]
        await asyncio.gather(self.alice.logout(), self.bob.logout())
        self.pair.stop()

    async def suffer(self, what, strike, heal=lambda: None, meanwhile=None):
        """strike, write, wait, heal; then say how long it takes."""
        strike()
        try:
            self.write()
            if meanwhile is not None:
                await meanwhile()
        finally:
            heal()
        began = time.monotonic()
        await self.well()
        say(f"{what}: well again after {time.monotonic() - began:.1f} s")


async def away():
    await asyncio.sleep(AWAY_S)


async def tor_dies(world):
    alice = world.pair.alice
    await world.suffer("tor killed", lambda: send_signal(signal.SIGKILL, tor_of(alice)))
    await world.suffer("tor ended in order", lambda: send_signal(signal.SIGTERM, tor_of(alice)))


async def tor_is_stopped(world):
    """Not for so long that the daemon takes it for dead."""
    pid = tor_of(world.pair.alice)
    await world.suffer("tor stopped and continued", lambda: send_signal(signal.SIGSTOP, pid),
                       lambda: send_signal(signal.SIGCONT, pid), world.missed)


async def bootstrap_is_stuck(world):
    """The relays do not answer while tor begins."""
    relays = network()["tor_pids"]

    def strike():
        send_signal(signal.SIGSTOP, *relays)
        send_signal(signal.SIGKILL, tor_of(world.pair.alice))

    await world.suffer(f"tor's bootstrap stuck for {AWAY_S} s", strike,
                       lambda: send_signal(signal.SIGCONT, *relays), away)


async def gateways_are_away(world):
    """And both have new addresses meanwhile."""
    nodes = network()["dht_pids"]

    def strike():
        send_signal(signal.SIGSTOP, *nodes)
        send_signal(signal.SIGKILL, tor_of(world.pair.alice), tor_of(world.pair.bob))

    await world.suffer(f"gateways away for {AWAY_S} s", strike, lambda: send_signal(signal.SIGCONT, *nodes), away)


async def the_machine_sleeps(world):
    pids = (world.pair.alice.pid, tor_of(world.pair.alice))

    def wake():
        world.clock.set(HOURS_8_MS, TOR_JUMP_MS)
        send_signal(signal.SIGCONT, *pids)

    await world.suffer("suspended for 8 hours", lambda: send_signal(signal.SIGSTOP, *pids), wake, world.missed)
    assert "woken after" in world.pair.alice.log


async def tor_hangs(world):
    await world.suffer("tor hung for ever", lambda: send_signal(signal.SIGSTOP, tor_of(world.pair.alice)))


async def network_is_cut(world):
    """Packets vanish, and nobody says so, for longer than connections live."""
    pid = network()["delay_pid"]
    await world.suffer(f"network gone for {CUT_S} s", lambda: send_signal(signal.SIGSTOP, pid),
                       lambda: send_signal(signal.SIGCONT, pid), lambda: asyncio.sleep(CUT_S))


async def faults():
    """One after another, the one pair."""
    world = await World().enter()
    for fault in (tor_dies, tor_is_stopped, bootstrap_is_stuck, gateways_are_away, the_machine_sleeps):
        await fault(world)
    await world.leave()


async def a_tor_that_hangs():
    world = await World().enter()
    await tor_hangs(world)
    await world.leave()


async def a_network_that_is_gone():
    world = await World().enter()
    await network_is_cut(world)
    await world.leave()


def cut_network():
    """The same program again, for a_network_that_is_gone, in a network of its own."""
    testnet = str(pathlib.Path(__file__).parents[2] / "deploy" / "testnet" / "testnet")
    with tempfile.TemporaryDirectory(prefix="tacet-cut-", dir="/tmp") as top:
        directory, name = f"{top}/net", f"tacet-cut-{os.getpid()}"
        subprocess.run([testnet, "start", directory, "--delay", str(CUT_DELAY_MS), "--netns", name], check=True)
        try:
            subprocess.run(["ip", "netns", "exec", name, "sysctl", "-q", f"net.ipv4.tcp_retries2={CUT_RETRIES}",
                            f"net.ipv4.tcp_syn_retries={CUT_RETRIES}"], check=True)
            subprocess.run(["ip", "netns", "exec", name, sys.executable, __file__, "--long",
                            "a_network_that_is_gone"], check=True, env=os.environ | {"TACET_TESTNET": directory})
        finally:
            subprocess.run([testnet, "stop", directory], check=True)


if __name__ == "__main__":
    if "a_network_that_is_gone" in sys.argv:
        main(a_network_that_is_gone)
    else:
        main(faults, *[a_tor_that_hangs, cut_network] * LONG)
