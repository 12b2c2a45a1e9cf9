#!/usr/bin/python3
"""tacetd as a service: units, profile and snippets are good; it says when it is ready, alive and ending;
it lives with what the unit leaves it. No systemd has to run."""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import servers
from confine import settings
from lib import BUILD, Daemon, Pair, main, say, wait_until

HERE = pathlib.Path(__file__).resolve().parent
DEPLOY = HERE.parent.parent / "deploy"
UNIT = BUILD / "deploy" / "systemd" / "tacetd.service"
# As deploy/systemd/README says; a setting that is lost raises it.
EXPOSURE_MAX = 1.2
WATCHDOG_S = 2


def run(*command, **environment):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace", timeout=60,
                          env=os.environ | environment)


def units_and_profile_are_good():
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        for unit, user in ((UNIT, []), (UNIT.parent / "user" / UNIT.name, ["--user"])):
            # It looks for the program, which is not installed.
            text = re.sub("^ExecStart=.*", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
            (directory / unit.name).write_text(text)
            done = run("systemd-analyze", *user, "--man=no", "verify", directory / unit.name,
                       XDG_RUNTIME_DIR=str(directory))
            assert done.returncode == 0 and not done.stderr, done.stderr
        text = re.sub("^ExecStart=.*", "ExecStart=/bin/true", UNIT.read_text(), flags=re.M)
        (directory / UNIT.name).write_text(text)
        done = run("systemd-analyze", "security", "--offline=true", "--no-pager", directory / UNIT.name)
        score = float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)[1])
        assert score <= EXPOSURE_MAX, done.stdout
        say(f"the unit is good; exposure {score}")
        (directory / "root" / "etc").mkdir(parents=True)
        done = run("systemd-sysusers", f"--root={directory}/root", DEPLOY / "systemd" / "sysusers.d" / "tacet.conf")
        assert done.returncode == 0, done.stderr
        assert "tacet" in (directory / "root" / "etc" / "passwd").read_text()
        done = run("systemd-tmpfiles", f"--root={directory}/root", "--create",
                   DEPLOY / "systemd" / "tmpfiles.d" / "tacet.conf")
        state = directory / "root" / "var" / "lib" / "tacet"
        assert done.returncode == 0 and state.stat().st_mode & 0o777 == 0o700, done.stderr
    if shutil.which("apparmor_parser", path="/usr/sbin:/sbin"):
        done = run("/usr/sbin/apparmor_parser", "-Q", "-K", "-S", BUILD / "deploy" / "apparmor" / "tacetd")
        assert done.returncode == 0, done.stderr
        say("user, directories and the AppArmor profile are good")


class Manager:
    """What a service manager hears, and what it says to the environment of the next daemon."""

    def __init__(self, daemon):
        self.path = daemon.directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.heard = []
        (daemon.directory / "log").touch()
        log = (daemon.directory / "log").stat()
        self.environment = {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(WATCHDOG_S * 1000000),
                            "JOURNAL_STREAM": f"{log.st_dev}:{log.st_ino}"}

    def listen(self):
        try:
            while True:
                self.heard += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return self.heard

    def wait(self, what):
        wait_until(f"{what} is said", lambda: what in self.listen(), limit=30, pause=0.05)


def start_as_service(daemon):
    """As the unit would, with what it leaves of the system."""
    manager = Manager(daemon)
    # The sanitizer needs ptrace to look for leaks.
    manager.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    before = dict(os.environ)
    os.environ.update(manager.environment)
    try:
        daemon.start(prefix=["/usr/bin/python3", str(HERE / "confine.py"), str(UNIT)])
    finally:
        os.environ.clear()
        os.environ.update(before)
    # confine.py has become the daemon.
    daemon.prefixed = False
    return manager


def it_says_how_it_is_and_lives_confined():
    pair = Pair()
    try:
        manager = start_as_service(pair.alice)
        assert "Seccomp:\t2" in pathlib.Path(f"/proc/{pair.alice.pid}/status").read_text()
        manager.wait("READY=1")
        pair.bob.start()
        ids = [daemon.account(daemon.name) for daemon in (pair.alice, pair.bob)]
        pair.alice.ctl("contact", "add", ids[1])
        pair.bob.ctl("contact", "add", ids[0])
        wait_until("they are linked", lambda: pair.alice.contact_state(ids[1]) == "linked")
        say("tacetd and its tor find, are found and are linked under the unit's filter")
        # Nobody says it but tacetd: it is not for its children.
        tor = next(iter(pathlib.Path(f"/proc/{pair.alice.pid}/task/{pair.alice.pid}/children").read_text().split()))
        assert "NOTIFY_SOCKET" not in pathlib.Path(f"/proc/{tor}/environ").read_text()
        count = manager.listen().count("WATCHDOG=1")
        time.sleep(2 * WATCHDOG_S)
        more = manager.listen().count("WATCHDOG=1") - count
        assert 2 <= more <= 6, more
        os.kill(pair.alice.pid, signal.SIGSTOP)
        time.sleep(0.5)
        count = len(manager.listen())
        time.sleep(2 * WATCHDOG_S)
        assert len(manager.listen()) == count
        os.kill(pair.alice.pid, signal.SIGCONT)
        say("the watchdog hears from it, and not while it stands still")
        pair.alice.stop()
        assert manager.listen()[0] == "READY=1" and manager.heard.count("STOPPING=1") == 1
        assert manager.heard.index("STOPPING=1") > 0
        lines = pair.alice.log.splitlines()
        assert lines and all(re.match(r"<[3-7]>\S", line) for line in lines), lines[:5]
        assert any(line.startswith("<5>tacetd") and "ready" in line for line in lines)
        say("ready, alive, ending; the journal has its priorities")
    finally:
        pair.stop()


def shake_hands(server):
    """XEP-0114; what the server says next."""
    with socket.create_connection(("127.0.0.1", server.component_port), 10) as s:
        s.sendall(f"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream="
                  f"'http://etherx.jabber.org/streams' to='{server.component}'>".encode())
        heard = ""
        while not (found := re.search("<stream:stream[^>]* id=['\"]([^'\"]+)", heard)):
            heard += (part := s.recv(4096).decode())
            assert part, heard
        s.sendall(f"<handshake>{hashlib.sha1((found[1] + server.secret).encode()).hexdigest()}</handshake>".encode())
        while "privilege" not in heard and "error" not in heard:
            heard += (part := s.recv(4096).decode())
            assert part, heard
        return heard


SECRET = "change this: openssl rand -hex 32"


def local(snippet):
    text = (DEPLOY / snippet).read_text()
    return text.replace("tacet.chat.example", servers.COMPONENT).replace("chat.example", servers.DOMAIN)


class ProsodyOfSnippet(servers.Prosody):
    def write_config(self):
        super().write_config()
        head = (self.home / "conf.lua").read_text().split("VirtualHost")[0]
        (self.home / "conf.lua").write_text(head + local("prosody/tacet.cfg.lua"))
        done = run("prosodyctl", "--root", "--config", self.home / "conf.lua", "check", "config")
        assert "All checks passed" in done.stdout, done.stdout + done.stderr


class EjabberdOfSnippet(servers.Ejabberd):
    def write_config(self):
        text = local("ejabberd/tacet.yml").replace("5347", str(self.component_port))
        clients = "".join(f"  -\n    port: {port}\n    ip: \"127.0.0.1\"\n    module: {module}\n"
                          for port, module in ((self.client_port, "ejabberd_c2s"), (self.http_port, "ejabberd_http")))
        text = text.replace("listen:\n", "listen:\n" + clients)
        (self.home / "ejabberd.yml").write_text(text + "  mod_roster: {}\n")


def servers_take_the_component():
    for kind in (ProsodyOfSnippet, EjabberdOfSnippet):
        if not kind.installed():
            say(f"{kind.name} is not installed")
            continue
        server = kind(secret=SECRET)
        try:
            server.start()
            heard = shake_hands(server)
            assert "<handshake" in heard and "error" not in heard, heard
            granted = {kind: re.search(f"access=['\"]{kind}['\"][^>]*type=['\"](\\w+)|type=['\"](\\w+)['\"]"
                                       f"[^>]*access=['\"]{kind}", heard) for kind in ("roster", "message", "presence")}
            assert all(granted.values()), heard
            say(f"{server.name}: takes the component, and grants "
                + ", ".join(f"{kind} {found[1] or found[2]}" for kind, found in granted.items()))
        finally:
            server.remove()


if __name__ == "__main__":
    assert settings(UNIT)["Type"] == ["notify"]
    main(units_and_profile_are_good, it_says_how_it_is_and_lives_confined, servers_take_the_component)
