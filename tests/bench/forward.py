#!/usr/bin/python3
"""How fast is a copy through tacet-forward, as a ratio to the same copy through a bare onion service?

usage: TACET_TESTNET=DIR TACET_BUILD=BUILD-TREE tests/bench/forward.py [--json] [MB [ROUNDS]]

Each round: MB (10) from A to B and from B to A through tacet-forward, then through an onion service of a tor of
A's that a tor of B's dials, in turn. Medians, in MB/s. Up and down are not the same to tor: which side of a
tacet session has dialled is chance, so the ratio is that of both ways together. With the CPU of both
tacet-forward (not of their tors) a megabyte."""

import os
import pathlib
import socket
import statistics
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from figures import figure  # noqa: E402
from lib import COOKIE_SIZE, NET, Tor, say, wait_until  # noqa: E402
import through_tor  # noqa: E402
from test_forward import Work, become_contacts, forward  # noqa: E402

NUMBERS = [int(word) for word in sys.argv[1:] if word != "--json"]
MB, ROUNDS = NUMBERS + [10, 3][len(NUMBERS):]
CHUNK = os.urandom(1 << 16)


def send(connection, size):
    for _ in range(size // len(CHUNK)):
        connection.sendall(CHUNK)


def receive(connection, size):
    """Not until the end: tor takes an end one way for the end of both."""
    got = 0
    while got < size and (part := connection.recv(1 << 16)):
        got += len(part)
    return got


class Server:
    """Takes a byte: "u" and it counts what comes and answers with the number, "d" and it sends the megabytes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            way = connection.recv(1)
            if way == b"u":
                connection.sendall(str(receive(connection, MB << 20)).encode())
            elif way == b"d":
                send(connection, MB << 20)
            connection.close()


def copy(connect, way):
    """MB/s, of one copy."""
    with connect() as connection:
        connection.settimeout(600)
        connection.sendall(way.encode())
        began = time.monotonic()
        if way == "u":
            send(connection, MB << 20)
            assert int(connection.recv(64)) == MB << 20
        else:
            assert receive(connection, MB << 20) == MB << 20
        return MB / (time.monotonic() - began)


def ask(directory, *commands):
    """The answers of a tor."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(directory / "control"))
        lines = control.makefile("r")
        answers = []
        for command in (f"AUTHENTICATE {(directory / 'cookie').read_bytes().hex()}", *commands):
            control.sendall(command.encode() + b"\r\n")
            while (line := lines.readline())[3] != " ":
                answers.append(line.strip())
            assert line.startswith("250"), line
        return answers


class Onion:
    """A bare onion service and a client of it."""

    def __init__(self, work, port):
        lines = (NET / "client.torrc").read_text()
        self.tors = [Tor(work.path / name, lines) for name in ("service-tor", "client-tor")]
        for tor in self.tors:
            wait_until("cookie", lambda tor=tor: (tor.directory / "cookie").stat().st_size == COOKIE_SIZE)
            wait_until("bootstrap", lambda tor=tor: "PROGRESS=100" in ask(
                tor.directory, "GETINFO status/bootstrap-phase")[0])
        answer = ask(self.tors[0].directory,
                     f"ADD_ONION NEW:ED25519-V3 Flags=DiscardPK,Detach Port=80,127.0.0.1:{port}")
        self.name = answer[0].split("=")[1] + ".onion"
        wait_until("dialled", self.try_it)

    def try_it(self):
        try:
            self.connect().close()
            return True
        except OSError:
            time.sleep(1)
            return False

    def connect(self):
        return through_tor.dial(self.tors[1].directory, self.name, 80)

    def end(self):
        for tor in self.tors:
            tor.end()


def cpu(work):
    """Seconds of both tacet-forward so far."""
    total = 0
    for process in work.running:
        words = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        total += int(words[11]) + int(words[12])
    return total / os.sysconf("SC_CLK_TCK")


def run(work):
    server = Server()
    become_contacts(work, "alice", "bob", "alice", "bob")
    port = forward(work, {"copy": server.port})["copy"]
    onion = Onion(work, server.port)
    work.closing = onion
    ways = {"tacet-forward": lambda: socket.create_connection(("127.0.0.1", port)), "bare onion": onion.connect}
    speeds = {(name, way): [] for name in ways for way in "ud"}
    used = 0
    for i in range(ROUNDS):
        for name, connect in ways.items():
            before = cpu(work)
            for way in "ud":
                speeds[name, way].append(copy(connect, way))
            if name == "tacet-forward":
                used += cpu(work) - before
        say(f"round {i + 1}:", ", ".join(f"{n} {w} {s[-1]:.2f}" for (n, w), s in speeds.items()))
    median = {key: statistics.median(values) for key, values in speeds.items()}
    (report_json if "--json" in sys.argv else report)(median, 1000 * used / (2 * MB * ROUNDS))


def both_ways(median, name):
    """MB/s, of as many bytes there as back."""
    return 2 / (1 / median[name, "u"] + 1 / median[name, "d"])


def report_json(median, cpu_ms):
    for way, name in (("u", "A to B"), ("d", "B to A")):
        figure("forward", f"copy of {MB} MB, {name}", median["tacet-forward", way], "MB/s", median["bare onion", way])
    figure("forward", f"copy of {MB} MB, both ways", both_ways(median, "tacet-forward"), "MB/s",
           both_ways(median, "bare onion"), "ratio >= 0.9")
    figure("forward", "CPU a MB, both sides", cpu_ms, "ms")


def report(median, cpu_ms):
    for name in ("tacet-forward", "bare onion"):
        up, down = (median[name, way] for way in "ud")
        print(f"{name:14} A to B {up:6.2f} MB/s   B to A {down:6.2f} MB/s")
    print(f"ratio          {both_ways(median, 'tacet-forward') / both_ways(median, 'bare onion'):.2f}")
    print(f"CPU            {cpu_ms:.1f} ms a MB, both sides together")


def main():
    work = Work()
    try:
        run(work)
    finally:
        if hasattr(work, "closing"):
            work.closing.end()
        work.end()


if __name__ == "__main__":
    main()
