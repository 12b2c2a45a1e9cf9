#!/usr/bin/python3
"""How long is a message's round trip through everything, against a bare echo over the same kind of connection?

usage: TACET_TESTNET=DIR TACET_BUILD=BUILD-TREE tests/bench/tor_trip.py [--trips 400] [--pairs 4] [--json]
       or with --delay MS instead of TACET_TESTNET (as root): a network of its own, in a namespace of its own,
       in which each packet between two Tor processes takes so long

  tacet   client -> tacetd A -> tor A -> ... -> tor B -> tacetd B -> client, and an answer back
  bare    program -> tor A -> ... -> tor B -> echo, and back, through an onion service that tacetd B's tor has beside
          its own, as many bytes as a frame of tacet's has

Each pair is two accounts with a session of their own, and has a bare connection with circuits of its own beside
it. Trips of both kinds alternate, from pair to pair. Medians."""

import argparse
import os
import pathlib
import secrets
import socket
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from figures import figure  # noqa: E402
import delayed  # noqa: E402
import through_tor  # noqa: E402

# On the wire, whatever they carry (core/frame.h): a cell of tor's.
FRAME = 488
LIMIT_S = 120
PAUSE_S = 0.15


class Echo:
    """Gives back what it gets, at once; an onion service of a tor leads to it."""

    def __init__(self, tor):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()
        self.control = through_tor.connect(tor / "control")
        lines = self.control.makefile("r")
        self.control.sendall(f"AUTHENTICATE {(tor / 'cookie').read_bytes().hex()}\r\n"
                             "ADD_ONION NEW:ED25519-V3 Flags=DiscardPK "
                             f"Port=80,127.0.0.1:{self.listener.getsockname()[1]}\r\n".encode())
        assert lines.readline().startswith("250")
        self.name = lines.readline().strip().split("=")[1] + ".onion"

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    @staticmethod
    def answer(connection):
        while data := connection.recv(FRAME):
            connection.sendall(data)

    def dial(self, tor):
        """Through a tor, with circuits of its own; tried until the service can be reached."""
        limit = time.monotonic() + LIMIT_S
        while True:
            try:
                return through_tor.dial(tor, self.name, 80)
            except OSError:
                assert time.monotonic() < limit, "the bare onion service cannot be reached"
                time.sleep(1)


class People:
    """Two accounts that are each other's contacts, with a client each; the second one's answers at once."""

    def __init__(self, daemons, number):
        from local_hop import PASSWORD, Session
        names = [f"{d.name}{number}" for d in daemons]
        self.ids = [d.account(name, PASSWORD) for d, name in zip(daemons, names)]
        for daemon, name, other in zip(daemons, names, reversed(self.ids)):
            daemon.ctl("contact", "add", "-a", name, other)
        self.clients = [Session(d.port, "bench", user=name) for d, name in zip(daemons, names)]
        self.rests = [b"", b""]
        threading.Thread(target=self.answer, daemon=True).start()

    def send(self, side, body):
        other = self.ids[1 - side]
        self.clients[side].socket.sendall(
            f"<message to='{other}@localhost' type='chat' id='{body}'><body>{body}</body></message>".encode())

    def receive(self, side):
        """The body of the next message, whatever else comes."""
        while (end := self.rests[side].find(b"</body>")) < 0:
            more = self.clients[side].socket.recv(65536)
            if not more:
                raise OSError("the stream has ended")
            self.rests[side] += more
        body = self.rests[side][:end].rpartition(b">")[2].decode()
        self.rests[side] = self.rests[side][end + 7:]
        return body

    def answer(self):
        try:
            while True:
                self.send(1, self.receive(1))
        except OSError:
            pass

    def trip(self):
        body = secrets.token_hex(8)
        began = time.perf_counter()
        self.send(0, body)
        while self.receive(0) != body:
            pass
        return time.perf_counter() - began


def bare_trip(connection, data=os.urandom(FRAME)):
    began = time.perf_counter()
    connection.sendall(data)
    left = FRAME
    while left > 0:
        part = connection.recv(left)
        assert part, "the bare connection has ended"
        left -= len(part)
    return time.perf_counter() - began


def measure(args, daemons):
    from lib import say, wait_until
    for daemon in daemons:
        daemon.start()
    pairs = [People(daemons, i) for i in range(args.pairs)]
    tors = [d.directory / "state" / "tor" for d in daemons]
    for daemon in daemons:
        wait_until("tor is ready", lambda d=daemon: d.ctl("status")["tor"]["progress"] == 100)
    echo = Echo(tors[1])
    connections = [echo.dial(tors[0]) for _ in pairs]
    wait_until("all are linked", lambda: all(
        c["state"] == "linked" for a in daemons[0].ctl("status")["accounts"] for c in a["contacts"]))
    # What a new link says once is over then.
    for pair, connection in zip(pairs, connections):
        for _ in range(3):
            pair.trip()
            bare_trip(connection)
    trips, bare = [], []
    for i in range(args.trips):
        trips.append(pairs[i % args.pairs].trip())
        time.sleep(PAUSE_S)
        bare.append(bare_trip(connections[i % args.pairs]))
        time.sleep(PAUSE_S)
        if i % 100 == 99 and not args.json:
            say(f"{i + 1} trips")
    return trips, bare


def show(args, trips, bare):
    where = f"{args.delay} ms a hop" if args.delay else "loopback"
    if args.json:
        figure("tor_trip", f"message round trip over Tor, {where}", statistics.median(trips) * 1000, "ms",
               statistics.median(bare) * 1000, "ratio <= 1.05")
        return
    for name, times in (("tacet", trips), ("bare echo", bare)):
        quantiles = statistics.quantiles(times, n=20)
        print(f"{name:10} median {statistics.median(times) * 1000:7.2f} ms   p5 {quantiles[0] * 1000:7.2f}   "
              f"p95 {quantiles[-1] * 1000:7.2f}   mean {statistics.mean(times) * 1000:7.2f}")
    print(f"ratio      {statistics.median(trips) / statistics.median(bare):.3f}   ({where}, {len(trips)} trips)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trips", type=int, default=400)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--delay", type=int, default=0, metavar="MS")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with delayed.network(args.delay):
        from lib import Daemon
        daemons = [Daemon("trip-a", log_level="warn"), Daemon("trip-b", log_level="warn")]
        try:
            show(args, *measure(args, daemons))
        finally:
            for daemon in daemons:
                daemon.stop()
                daemon.remove()


if __name__ == "__main__":
    main()
