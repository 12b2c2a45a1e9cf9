"""lib.py: daemons, networks and Jabber clients for the end-to-end tests.

A test is a program: it prints what it saw, and ends with 0 when all was as it should be. It uses
the test network of $TACET_TESTNET (a folder of deploy/testnet/testnet) and the programs of
$TACET_BUILD (a build tree).
"""

import asyncio
import atexit
import json
import logging
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import slixmpp

BUILD = pathlib.Path(os.environ.get("TACET_BUILD", "build"))
NET = pathlib.Path(os.environ.get("TACET_TESTNET", "/nonexistent"))
# Longer than anything that works takes on a loaded machine, shorter than a test's own limit.
PATIENCE_S = 120
# Of tor's control_auth_cookie, in bytes.
COOKIE_SIZE = 32
logging.basicConfig(level=logging.ERROR)


def say(*words):
    print(f"{time.strftime('%H:%M:%S')}", *words, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# Run every tacetd under valgrind. It is slow, and valgrind 3.19 has no pidfd_open, with which tacetd
# watches a tor of its own: such a daemon gets a tor that runs already.
VALGRIND = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"] \
    if os.environ.get("TACET_VALGRIND") else []


def without_network():
    """More lines for the torrc of a daemon that needs none."""
    directory = tempfile.mkdtemp(prefix="tacet-torrc-", dir="/tmp")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    torrc = pathlib.Path(directory) / "torrc"
    torrc.write_text("DisableNetwork 1\n")
    return torrc


class Tor:
    """A tor beside a daemon, on Unix sockets in a directory of its own."""

    def __init__(self, directory, *lines):
        self.directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / "torrc").write_text("\n".join([
            f"DataDirectory {directory}/data", f"SocksPort unix:{directory}/socks IsolateSOCKSAuth "
            "KeepAliveIsolateSOCKSAuth ExtendedErrors", f"ControlSocket {directory}/control",
            "CookieAuthentication 1", f"CookieAuthFile {directory}/cookie",
            f"__OwningControllerProcess {os.getpid()}", *lines]) + "\n")
        self.process = subprocess.Popen(["tor", "--defaults-torrc", "/dev/null", "-f",
                                         str(directory / "torrc")], stdout=subprocess.DEVNULL)
        wait_until("tor is up", lambda: (directory / "cookie").exists() and (directory / "control").exists())
        self.settings = {"tor_control": f"unix:{directory}/control", "tor_socks": f"unix:{directory}/socks"}

    def end(self):
        self.process.kill()
        self.process.wait()


class Daemon:
    """A tacetd with a state directory, configuration and accounts of its own. What a test that fails
    leaves running ends with the test."""

    started = []

    def __init__(self, name, **settings):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"tacet-{name}-", dir="/tmp"))
        self.port = free_port()
        self.process = self.tor = None
        self.killed = self.prefixed = False
        self.settings = {
            "state-dir": self.directory / "state",
            "listen": "127.0.0.1",
            "port": self.port,
            "tor-program": shutil.which("tor"),
            "tor-extra-file": NET / "client.torrc",
            "gateway": (NET / "gateways").read_text().split() if (NET / "gateways").exists() else [],
            "log-level": "info",
            # Ten seconds instead of two minutes, so that a test need not wait six for a lost link.
            "status-renewal": "10s",
        } | {key.replace("_", "-"): value for key, value in settings.items()}

    @property
    def config(self):
        return self.directory / "tacetd.conf"

    @property
    def log(self):
        return (self.directory / "log").read_text()

    def write_config(self):
        lines = []
        for key, value in self.settings.items():
            for item in value if isinstance(value, list) else [value]:
                lines.append(f"{key} = {item}\n")
        self.config.write_text("".join(lines))

    def start_beside_tor(self):
        self.tor = Tor(self.directory / "tor", (NET / "client.torrc").read_text())
        del self.settings["tor-program"], self.settings["tor-extra-file"]
        self.settings |= {key.replace("_", "-"): value for key, value in self.tor.settings.items()}

    def start(self, prefix=VALGRIND):
        if prefix is VALGRIND and VALGRIND and "tor-extra-file" in self.settings:
            self.start_beside_tor()
        self.write_config()
        # valgrind becomes the daemon, other programs have it as a child.
        self.killed, self.prefixed = False, bool(prefix) and prefix is not VALGRIND
        Daemon.started.append(self)
        # The sanitizer cannot look for leaks below strace.
        env = os.environ | ({"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
                            if self.prefixed else {})
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([*prefix, str(BUILD / "tacetd"), "-c", str(self.config)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        limit = time.monotonic() + 20
        while True:
            try:
                self.ctl("status")
                return self
            except Refused:
                if self.process.poll() is not None:
                    raise AssertionError(f"{self.name} ended at once:\n{self.log}") from None
                assert time.monotonic() < limit, f"{self.name} does not answer:\n{self.log}"
                time.sleep(0.05)

    def ctl(self, *words, stdin=""):
        """tacetctl; its --json answer."""
        done = subprocess.run([str(BUILD / "tacetctl"), "-c", str(self.config), "--json", *map(str, words)],
                              input=stdin, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise Refused(done.returncode, done.stderr.strip() or done.stdout.strip())
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def account(self, name, password="secret"):
        self.ctl("account", "add", name, "--password-file", "-", stdin=password + "\n")
        return self.ctl("id", name)["id"]

    def contact_state(self, contact):
        for account in self.ctl("status")["accounts"]:
            for c in account["contacts"]:
                if c["id"] == contact:
                    return c["state"]
        return None

    @property
    def pid(self):
        """The process id of tacetd itself, also when it runs below another program."""
        below = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(below[0]) if self.prefixed else self.process.pid

    def kill(self):
        """SIGKILL: no goodbye."""
        self.killed = True
        self.process.kill()
        self.process.wait()

    def stop(self):
        """In order. One that had ended before, or that a sanitizer or valgrind has something to say
        about, ends with another status than 0: the test fails."""
        if self.process is None or self.killed:
            return
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"{self.name} does not end:\n{self.log[-3000:]}") from None
        assert status == 0, f"{self.name} ended with {status}:\n{self.log[-6000:]}"

    def remove(self):
        if self.tor:
            self.tor.end()
        shutil.rmtree(self.directory, ignore_errors=True)


@atexit.register
def end_all():
    for daemon in Daemon.started:
        if daemon.process.poll() is None:
            daemon.kill()
            daemon.remove()


class Uploads(threading.Thread):
    """The onion addresses whose descriptors a daemon's own tor uploads, told by its control port."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.directory = daemon.directory / "state" / "tor"
        self.addresses = set()
        self.began = time.time() - 1
        self.start()

    def run(self):
        cookie = self.directory / "cookie"
        wait_until("tor is there", lambda: cookie.exists() and cookie.stat().st_mtime > self.began
                   and cookie.stat().st_size == COOKIE_SIZE)
        control = socket.socket(socket.AF_UNIX)
        control.connect(str(self.directory / "control"))
        control.sendall(f"AUTHENTICATE {cookie.read_bytes().hex()}\r\nSETEVENTS HS_DESC\r\n".encode())
        for line in control.makefile():
            words = line.split()
            assert words[0] in ("250", "650"), line
            if words[:3] == ["650", "HS_DESC", "UPLOADED"]:
                self.addresses.add(words[3])

    def wait(self):
        """The addresses, once there is one: a daemon may dial and be linked before its own is known."""
        wait_until("an onion service was uploaded", lambda: self.addresses)
        return self.addresses


class Refused(Exception):
    """tacetctl ended with a status that is not 0."""


class Client(slixmpp.ClientXMPP):
    """A Jabber client made with slixmpp, that keeps what it was told."""

    def __init__(self, daemon, user, password="secret", resource="test"):
        super().__init__(f"{user}@localhost/{resource}", password)
        self.daemon = daemon
        self.messages = []      # (from, body) in order
        self.errors = []        # error stanzas for messages of ours
        self.contacts = {}      # bare JID -> (show, status) of the last presence; show "" is unavailable
        self.changed = asyncio.Event()
        self.ended = asyncio.Event()
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("message_error", lambda m: self.note(self.errors.append, m))
        for kind in ("available", "away", "chat", "dnd", "xa", "unavailable"):
            self.add_event_handler("presence_" + kind, self.on_presence)
        self.add_event_handler("disconnected", lambda _: self.ended.set())
        self.started = asyncio.Event()
        self.failure = None
        self.add_event_handler("failed_auth", lambda e: self.note(setattr, self, "failure", e))

    def note(self, function, *words):
        function(*words)
        self.changed.set()

    async def on_start(self, _):
        await self.get_roster()
        self.send_presence()
        self.started.set()

    def on_message(self, message):
        if message["body"]:
            self.note(self.messages.append, (message["from"].bare, message["body"]))

    def on_presence(self, presence):
        kind = presence["type"]  # slixmpp: available, away, chat, dnd, xa or unavailable
        show = "" if kind == "unavailable" else kind
        if presence["from"].bare != self.boundjid.bare:
            self.note(self.contacts.__setitem__, presence["from"].bare, (show, presence["status"]))

    async def login(self):
        self.connect(("127.0.0.1", self.daemon.port))
        await asyncio.wait_for(self.started.wait(), 30)
        return self

    async def logout(self):
        self.disconnect(wait=1)
        await asyncio.wait_for(self.ended.wait(), 10)

    async def until(self, what, condition, limit=PATIENCE_S):
        """Wait until condition() is true; how long it took, in seconds."""
        began = time.monotonic()
        while not condition():
            left = began + limit - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{self.boundjid.user}: {what}: not within {limit} s; "
                                     f"contacts {self.contacts}, {len(self.messages)} messages")
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(left, 1))
            except asyncio.TimeoutError:
                pass
        return time.monotonic() - began

    def sees(self, contact, show="available", status=None):
        have = self.contacts.get(f"{contact}@localhost")
        return have is not None and have[0] == show and (status is None or have[1] == status)

    def say_to(self, contact, body):
        self.send_message(mto=f"{contact}@localhost", mbody=body, mtype="chat")


class Pair:
    """Two daemons with an account each, that are each other's contacts."""

    def __init__(self, **settings):
        self.alice = Daemon("alice", **settings)
        self.bob = Daemon("bob", **settings)

    def start(self):
        for daemon in (self.alice, self.bob):
            daemon.start()
        self.alice_id = self.alice.account("alice")
        self.bob_id = self.bob.account("bob")
        self.alice.ctl("contact", "add", self.bob_id, "--name", "Bob")
        self.bob.ctl("contact", "add", self.alice_id, "--name", "Alice")
        return self

    def stop(self):
        for daemon in (self.alice, self.bob):
            daemon.stop()
            daemon.remove()


def wait_until(what, condition, limit=PATIENCE_S, pause=0.2):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit, f"{what}: not within {limit} s"
        time.sleep(pause)
    return time.monotonic() - began


def main(*tests):
    """Run the tests (coroutine functions or functions) in order; those named in argv only."""
    if not (NET / "testnet.json").exists():
        print("no test network: set TACET_TESTNET to a folder of deploy/testnet/testnet")
        sys.exit(77)
    for test in tests:
        if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
            continue
        say(test.__name__.replace("_", " "))
        result = test()
        if asyncio.iscoroutine(result):
            asyncio.run(asyncio.wait_for(result, 600))
    say("done")
