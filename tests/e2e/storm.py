#!/usr/bin/python3
"""storm.py [--seed S] [--messages N] [--kills K] [--pace SECONDS]: N messages between two daemons, half of
them each way, while K times something is killed with SIGKILL at a random moment: either tacetd, either
tor, a DHT gateway, either client, or a tacetd together with its client. Connections of clients are broken as well. At the end every message must
have been shown to its user, none twice, in order.

The clients are storm_client.py. It prints the seed and what it counted; ends with 1 if anything was lost,
doubled or out of order. The kills take about K times the pace.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

from lib import BUILD, NET, Pair, free_port, say, wait_until

HERE = pathlib.Path(__file__).resolve().parent
# Gateways of our own in the ring, so that those of the test network are left as they are.
GATEWAYS = 3
# Whatever was killed is started again after at most so long.
AWAY_S = 3
# How long the last messages may take when the storm is over: all find each other again.
CALM_S = 180


class Gateway:
    def __init__(self):
        bootstrap = json.loads((NET / "testnet.json").read_text())["dht_pids"][0]
        words = pathlib.Path(f"/proc/{bootstrap}/cmdline").read_text().split("\0")
        self.http = free_port()
        self.argv = ["dhtnode", "-s", "-U", "-n", "7777", "-p", str(free_port()), "--proxyserver", str(self.http),
                     "--proxy-addr", "127.0.0.1", "-b", "127.0.0.1:" + words[words.index("-p") + 1]]
        self.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.http}"

    def start(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()


class User:
    """A daemon, and its client."""

    def __init__(self, daemon, name, contact, other, messages, rate):
        self.daemon, self.name = daemon, name
        self.directory = daemon.directory / "client"
        self.directory.mkdir()
        self.other = other
        self.argv = [sys.executable, HERE / "storm_client.py", daemon.port, name, contact, messages, rate,
                     self.directory]
        self.start()

    def start(self):
        with open(self.directory / "log", "ab") as log:
            # A connection that is to be broken before there is one: not the end of the client.
            self.process = subprocess.Popen([str(word) for word in self.argv], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log,
                                            preexec_fn=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN))

    def check(self):
        """Has anything ended that was not killed?"""
        assert self.process.poll() is None, (f"{self.name}'s client has ended:\n" +
                                             (self.directory / "log").read_text()[-3000:])
        assert self.daemon.process.poll() is None, (f"{self.name}'s daemon has ended:\n" +
                                                    self.daemon.log[-6000:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def lines(self, name):
        path = self.directory / name
        return path.read_text().splitlines() if path.exists() else []

    def shown(self):
        """The numbers of the messages that the user saw, in that order."""
        return [int(line.split()[0]) for line in self.lines("shown")]


def tor_of(daemon):
    """The process id of a daemon's tor; None while it has none."""
    below = pathlib.Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
    for pid in below:
        if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "tor":
            return int(pid)
    return None


class Storm:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.gateways = [Gateway() for _ in range(GATEWAYS)]
        self.pair = Pair(gateway=[gateway.address for gateway in self.gateways]).start()
        self.each = options.messages // 2
        # So that there is something to say during all of the storm.
        rate = max(2, self.each / (options.kills * options.pace))
        self.alice = User(self.pair.alice, "alice", self.pair.bob_id, "bob", self.each, rate)
        self.bob = User(self.pair.bob, "bob", self.pair.alice_id, "alice", self.each, rate)
        self.users = [self.alice, self.bob]
        self.killed, self.broken = collections.Counter(), 0

    # --- each a kill ---

    def kill_daemon(self, user):
        user.daemon.kill()
        time.sleep(self.random.uniform(0, AWAY_S))
        user.daemon.start()

    def kill_tor(self, user):
        pid = None
        # It may just have been killed, or its daemon.
        wait_until("there is a tor", lambda: tor_of(user.daemon) is not None, pause=0.1)
        pid = tor_of(user.daemon)
        os.kill(pid, signal.SIGKILL)

    def kill_gateway(self, _user):
        gateway = self.random.choice(self.gateways)
        gateway.kill()
        time.sleep(self.random.uniform(0, AWAY_S))
        gateway.start()

    def kill_client(self, user):
        user.kill()
        time.sleep(self.random.uniform(0, AWAY_S))
        user.start()

    def kill_both(self, user):
        """What the client has not read when it dies, nobody has but the daemon's database."""
        user.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0, 1))
        user.daemon.kill()
        user.kill()
        time.sleep(self.random.uniform(0, AWAY_S))
        user.daemon.start()
        user.start()

    def kinds(self):
        """All kinds in random order, again and again."""
        while True:
            kinds = [((f"{user.name}'s tacetd",), self.kill_daemon, user) for user in self.users]
            kinds += [((f"{user.name}'s tor",), self.kill_tor, user) for user in self.users]
            kinds += [((f"{user.name}'s client",), self.kill_client, user) for user in self.users]
            kinds += [((f"{user.name}'s tacetd", f"{user.name}'s client"), self.kill_both, user)
                      for user in self.users]
            kinds.append((("gateway",), self.kill_gateway, None))
            self.random.shuffle(kinds)
            yield from kinds

    def break_connections(self):
        for user in self.users:
            if self.random.random() < 0.5:
                self.broken += 1
                user.process.send_signal(signal.SIGUSR1)

    # --- the whole ---

    def blow(self):
        kinds = self.kinds()
        while sum(self.killed.values()) < self.options.kills:
            time.sleep(self.random.uniform(0, 1) * self.options.pace)
            self.break_connections()
            time.sleep(self.random.uniform(0, 1) * self.options.pace)
            names, kill, user = next(kinds)
            for each in self.users:
                each.check()
            kill(user)
            self.killed.update(names)
            say(f"kill {sum(self.killed.values())}: {' and '.join(names)}; shown: " +
                ", ".join(f"{each.name} {len(each.lines('shown'))}" for each in self.users))

    def calm(self):
        began, last, seen = time.monotonic(), time.monotonic(), 0
        while any(len(user.lines("shown")) < self.each for user in self.users):
            count = sum(len(user.lines("shown")) for user in self.users)
            if count != seen:
                last, seen = time.monotonic(), count
            if time.monotonic() - last > CALM_S:
                say(f"nothing has come for {CALM_S} s")
                break
            for user in self.users:
                user.check()
            time.sleep(0.5)
        # What comes twice would come now.
        time.sleep(3)
        say(f"calm after {time.monotonic() - began:.0f} s")

    def judge(self):
        wrong = 0
        for user in self.users:
            shown = user.shown()
            counts = collections.Counter(shown)
            lost = [n for n in range(self.each) if n not in counts]
            twice = [n for n in counts if counts[n] > 1]
            disorder = sum(a > b for a, b in zip(shown, shown[1:]))
            doubles = collections.Counter(line.split()[1] for line in user.lines("doubles"))
            print(f"{user.other} to {user.name}: {self.each} said, {len(shown)} shown, {len(lost)} lost, "
                  f"{len(twice)} shown twice, {disorder} out of order; known again by stanza-id: "
                  f"{doubles['again']} in another session, {doubles['same']} in the same session", flush=True)
            if lost or twice:
                print(f"  lost {lost[:20]} twice {twice[:20]}")
            wrong += len(lost) + len(twice) + disorder + doubles["same"]
        print(f"seed {self.options.seed}: {sum(self.killed.values())} kills ("
              + ", ".join(f"{name} {count}" for name, count in sorted(self.killed.items()))
              + f"), {self.broken} connections broken", flush=True)
        return wrong

    def end(self, keep):
        for process in self.users + self.gateways:
            process.kill()
        if keep:
            for daemon in (self.pair.alice, self.pair.bob):
                daemon.kill()
                print(f"left to be looked at: {daemon.directory}")
        else:
            self.pair.stop()


def run(options):
    storm = Storm(options)
    wrong = 1
    try:
        storm.blow()
        storm.calm()
        wrong = storm.judge()
    finally:
        storm.end(keep=wrong != 0)
    return wrong


def parse(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--messages", type=int, default=10000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--pace", type=float, default=15, help="mean seconds from one kill to the next")
    return parser.parse_args(words)


if __name__ == "__main__":
    if not (NET / "testnet.json").exists():
        print("no test network: set TACET_TESTNET to a folder of deploy/testnet/testnet")
        sys.exit(77)
    chosen = parse()
    say(f"seed {chosen.seed}, {chosen.messages} messages, {chosen.kills} kills, programs of {BUILD}")
    sys.exit(1 if run(chosen) else 0)
