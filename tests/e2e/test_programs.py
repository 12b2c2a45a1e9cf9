#!/usr/bin/python3
"""The programs over libtacet in less friendly hours, over real tor: becoming contacts by invitation, Unix sockets
and ends of either way, signals and broken pipes in the middle of a copy, a contact or a tor that dies."""

import os
import pathlib
import select
import signal
import socket
import subprocess
import threading

from lib import main, say
from test_forward import Work

# Longer than anything that works takes on a loaded machine.
PATIENCE_S = 120
CHUNK = os.urandom(1 << 16)
# What a program is told whose contact is gone; the first if that had time to say so.
BROKEN = ("reset by the contact", "the session with the contact has ended")


def ended(process, code, *words):
    """It ends by itself, with this code and some of these words on standard error."""
    _, said = process.communicate(timeout=PATIENCE_S)
    said = said.decode()
    assert process.returncode == code and any(some in said for some in words), (process.args[-2:], process.returncode, said)


def invited(work):
    host = work.start(work.words("tacet-pipe", "alice", "--invite", "--name", "bob"), stdout=subprocess.PIPE, text=True)
    link = host.stdout.readline().strip()
    assert link.startswith("tacet:"), link
    assert work.do("tacet-pipe", "bob", "--introduce", link, "--name", "alice") == ""
    made = host.stdout.read().strip()
    assert host.wait(PATIENCE_S) == 0
    assert made == f"{work.do('tacet-pipe', 'bob', '--id')} bob", made
    assert work.do("tacet-pipe", "bob", "--contacts") == f"{work.do('tacet-pipe', 'alice', '--id')} alice"
    say("--invite and --introduce: contacts of each other")


def signals_while_waiting(work):
    """Nobody is there: a signal ends it at once."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        process = work.start(work.words("tacet-pipe", "alice", "-v", "bob"), stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        process.stderr.readline()  # it has begun
        process.send_signal(number)
        ended(process, 1, "")
    process = work.start(work.words("tacet-pipe", "alice", "--wait", "1", "bob"), stdin=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
    ended(process, 1, "bob is not there")
    say("SIGTERM and SIGHUP while waiting, and --wait: ended with 1")


class Copy:
    """An endless copy from alice to bob with tacet-pipe, which has begun to arrive."""

    def __init__(self, work):
        self.out, out = os.pipe()
        self.bob = work.start(work.words("tacet-pipe", "bob", "-l", "alice"), stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.PIPE)
        os.close(out)
        source, self.source = os.pipe()
        self.alice = work.start(work.words("tacet-pipe", "alice", "bob"), stdin=source, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
        os.close(source)
        threading.Thread(target=self.feed, daemon=True).start()
        got = 0
        while got < 1_000_000:
            data = os.read(self.out, 1 << 16)
            assert data, "bob has ended"
            got += len(data)
        self.reader = threading.Thread(target=self.read, daemon=True)

    def feed(self):
        try:
            while True:
                os.write(self.source, CHUNK)
        except OSError:
            os.close(self.source)

    def read(self):
        while os.read(self.out, 1 << 16):
            pass
        os.close(self.out)


def signal_in_a_copy(work):
    copy = Copy(work)
    copy.reader.start()
    copy.alice.send_signal(signal.SIGINT)
    ended(copy.alice, 1, "interrupted")
    ended(copy.bob, 1, *BROKEN)
    say("SIGINT in a copy: both have ended with 1")


def broken_pipe(work):
    copy = Copy(work)
    os.close(copy.out)
    ended(copy.bob, 1, "standard output: Broken pipe")
    ended(copy.alice, 1, *BROKEN)
    say("nobody reads bob's standard output any more: both have ended with 1")


def tor_of(process):
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    [tor] = [child for child in children if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "tor"]
    return int(tor)


def tor_dies(work):
    copy = Copy(work)
    copy.reader.start()
    os.kill(tor_of(copy.bob), signal.SIGKILL)
    ended(copy.bob, 1, *BROKEN)
    ended(copy.alice, 1, *BROKEN)
    say("bob's tor was killed in a copy: both have ended with 1")


def forward(work):
    """unix: at both sides; the socket that leads from alice to the one that bob's program listens at."""
    target = socket.socket(socket.AF_UNIX)
    target.bind(str(work.path / "target"))
    target.listen()
    target.settimeout(PATIENCE_S)
    bob = work.start(work.words("tacet-forward", "bob", "-l", f"it=unix:{work.path}/target"), stderr=subprocess.PIPE)
    alice = work.start(work.words("tacet-forward", "alice", "bob", f"unix:{work.path}/way=it"), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    assert alice.stdout.readline().decode().split() == ["it", f"unix:{work.path}/way"]
    return alice, bob, target


def connect(work, target):
    """A connection and its other end. When both sides have dialled at once, the session in which the first one is
    opened may go: then that is over, and the next one holds."""
    while True:
        near = socket.socket(socket.AF_UNIX)
        near.settimeout(PATIENCE_S)
        near.connect(str(work.path / "way"))
        ready, _, _ = select.select([target, near], [], [], PATIENCE_S)
        assert ready, "neither connected nor refused"
        if target in ready:
            far, _ = target.accept()
            far.settimeout(PATIENCE_S)
            return near, far
        near.close()


def read_all(connection):
    data = b""
    while chunk := connection.recv(1 << 16):
        data += chunk
    return data


def half_closes(work, target):
    """Whoever ends first hears the other one to the end."""
    near, far = connect(work, target)
    for first, second in ((near, far), (far, near)):
        first, second = connect(work, target) if first is near else reversed(connect(work, target))
        first.sendall(CHUNK[:1000])
        first.shutdown(socket.SHUT_WR)
        assert read_all(second) == CHUNK[:1000]
        second.sendall(CHUNK)
        second.close()
        assert read_all(first) == CHUNK
        first.close()
    near.close()
    assert far.recv(1) == b""
    far.close()
    say("Unix sockets: each way ends by itself, at both sides")


def drain(connection):
    """Until it is over, in whatever way."""
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionError:
        pass


def contact_dies(work, alice, bob, target):
    near, far = connect(work, target)

    def send():
        try:
            while True:
                far.sendall(CHUNK)
        except OSError:
            far.close()

    threading.Thread(target=send, daemon=True).start()
    assert near.recv(1000)
    bob.kill()
    drain(near)
    again = socket.socket(socket.AF_UNIX)
    again.settimeout(PATIENCE_S)
    again.connect(str(work.path / "way"))
    drain(again)
    assert alice.poll() is None
    alice.send_signal(signal.SIGHUP)
    ended(alice, 0, "the contact is not")
    assert not (work.path / "way").exists()
    say("bob was killed in a copy: alice's connection is over, new ones are refused; SIGHUP: ended with 0")


def forwards(work):
    alice, bob, target = forward(work)
    half_closes(work, target)
    contact_dies(work, alice, bob, target)


def programs():
    work = Work()
    # How soon a broken link is noticed.
    conf = work.path / "conf"
    conf.write_text(conf.read_text().replace("status-renewal = 10s", "status-renewal = 2s"))
    try:
        for test in (invited, signals_while_waiting, signal_in_a_copy, broken_pipe, tor_dies, forwards):
            test(work)
    finally:
        work.end()


main(programs)
