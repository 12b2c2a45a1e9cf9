#!/usr/bin/python3
"""tacetctl on a terminal: `status --watch` gives it back whatever signal ends or stops it, and fits it when its size
changes; colours are on a terminal only, and not with NO_COLOR."""

import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time

from fake_daemon import PATIENCE_S, FakeDaemon

TACETCTL = pathlib.Path(os.environ["top_builddir"], "tacetctl").resolve()
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
CONTACTS = [{"id": f"{number:056}", "name": f"contact {number}", "state": "linked", "show": "available", "text": "",
             "since_ms": 1, "outbox": 0} for number in range(30)]
STATUS = {"ok": True, "now_ms": 1000, "accounts": [{"name": "ann", "id": "a" * 56, "contacts": CONTACTS}],
          "contacts": CONTACTS}


class Terminal:
    """tacetctl in a terminal of its own, and the daemon that it asks."""

    def __init__(self, socket, *words, **environment):
        self.daemon = FakeDaemon(socket)
        self.master, slave = pty.openpty()
        self.resize(50)
        self.shown = b""
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()
        self.process = subprocess.Popen([str(TACETCTL), "-s", str(socket), *words], stdin=slave, stdout=slave,
                                        env=os.environ | {"NO_COLOR": ""} | environment, start_new_session=True)
        os.close(slave)

    def answer(self):
        self.daemon.accept().request()
        self.daemon.say(**STATUS)

    def resize(self, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))

    def until(self, condition):
        """Read what is shown until it is so."""
        end = time.monotonic() + PATIENCE_S
        while not condition(self.shown):
            assert time.monotonic() < end, self.shown[-500:]
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.master, 65536)
                except OSError:  # nobody has the other side any more
                    assert condition(self.shown), self.shown[-500:]

    def end(self):
        self.thread.join()
        self.daemon.end()
        os.close(self.master)


def signals(socket):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        terminal = Terminal(socket, "status", "--watch")
        terminal.until(lambda shown: ENTER in shown and b"contact 29" in shown)
        terminal.process.send_signal(number)
        terminal.until(lambda shown: shown.endswith(LEAVE))
        assert terminal.process.wait(PATIENCE_S) == 0, number
        terminal.end()


def stopped_and_resized(socket):
    terminal = Terminal(socket, "status", "--watch")
    terminal.until(lambda shown: b"contact 29" in shown)
    terminal.process.send_signal(signal.SIGTSTP)
    terminal.until(lambda shown: shown.endswith(LEAVE))
    os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
    terminal.process.send_signal(signal.SIGCONT)
    terminal.until(lambda shown: ENTER in shown[shown.index(LEAVE):])
    assert b"lines more" not in terminal.shown
    terminal.resize(10)
    terminal.until(lambda shown: b"lines more" in shown)
    terminal.daemon.close()  # the daemon ends
    terminal.until(lambda shown: shown.endswith(LEAVE))
    assert terminal.process.wait(PATIENCE_S) == 3
    terminal.end()


def colours(socket):
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        terminal = Terminal(socket, "contacts", **environment)
        assert terminal.process.wait(PATIENCE_S) == 0
        terminal.until(lambda shown: b"contact 29" in shown)
        assert (b"\x1b[" in terminal.shown) == coloured, terminal.shown[:200]
        terminal.end()
    daemon = FakeDaemon(socket)
    threading.Thread(target=lambda: (daemon.accept().request(), daemon.say(**STATUS))).start()
    done = subprocess.run([str(TACETCTL), "-s", str(socket), "contacts"], capture_output=True, timeout=PATIENCE_S)
    assert b"contact 29" in done.stdout and b"\x1b" not in done.stdout, done
    daemon.end()


with tempfile.TemporaryDirectory(prefix="tacet-ctl-") as name:
    for test in (signals, stopped_and_resized, colours):
        test(pathlib.Path(name) / "control")
        print(test.__name__.replace("_", " "))
