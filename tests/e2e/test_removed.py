#!/usr/bin/python3
"""Somebody who was removed keeps all that it knew: pair secret, records, onion address and the key to it. For
a minute it tries everything that there is to try, and gets nothing. Others do not notice."""

import asyncio
import pathlib
import shutil
import socket
import threading
import time

from lib import COOKIE_SIZE, Client, Daemon, Uploads, main, say, wait_until

TRYING_S = 60
# How long tor gets for one attempt; a service that is gone is told after some seconds.
ATTEMPT_S = 20
PORT = 5222  # that services listen on


class Control:
    """The control port of a daemon's own tor."""

    def __init__(self, daemon):
        directory = daemon.directory / "state" / "tor"
        cookie = directory / "cookie"
        wait_until("tor is there", lambda: cookie.exists() and cookie.stat().st_size == COOKIE_SIZE)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(directory / "control"))
        self.lines = self.socket.makefile()
        assert self.ask(f"AUTHENTICATE {cookie.read_bytes().hex()}")[-1].startswith("250")

    def ask(self, command):
        """All lines of the answer."""
        self.socket.sendall(command.encode() + b"\r\n")
        answer = []
        while True:
            line = self.lines.readline().rstrip("\r\n")
            answer.append(line)
            if line[:1] in "25" and line[3:4] == " ":
                return answer

    def grants(self):
        """The addresses, and their keys, that this tor may dial."""
        return {line.split()[1]: line.split()[2] for line in self.ask("ONION_CLIENT_AUTH_VIEW")
                if line.startswith("250-CLIENT ")}

    def socks(self):
        line = self.ask("GETINFO net/listeners/socks")[0]
        return line.split('"')[1].removeprefix("unix:")


class Grants(threading.Thread):
    """All addresses and keys that a daemon has given its tor: it takes them back after each dial."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.control = Control(daemon)
        self.known = {}
        self.start()

    def run(self):
        while not self.known:
            self.known |= self.control.grants()
            time.sleep(0.005)


def dial(path, address):
    """Connect to an onion service through tor's SOCKS socket. What came of it: the reply's code, and the
    bytes that the other end sent."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(ATTEMPT_S)
        s.connect(path)
        user = str(time.monotonic_ns()).encode()
        s.sendall(b"\x05\x01\x02")
        assert s.recv(2) == b"\x05\x02"
        s.sendall(b"\x01" + bytes([len(user)]) + user + b"\x01x")
        assert s.recv(2) == b"\x01\x00"
        name = f"{address}.onion".encode()
        s.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + PORT.to_bytes(2, "big"))
        try:
            reply = s.recv(10)
            if not reply or reply[1] != 0:
                return (reply[1] if reply else None), b""
            s.sendall(bytes(80))
            return 0, s.recv(1024)
        except TimeoutError:
            return None, b""


def copy_of(daemon):
    """A daemon with all that this one knows."""
    thief = Daemon("thief", **{key: value for key, value in daemon.settings.items()
                               if key not in ("state-dir", "port")})
    shutil.copytree(daemon.directory / "state", thief.directory / "state",
                    ignore=lambda _, names: [n for n in names if n in ("control", "tacet.lock", "tor")])
    return thief


class Cast:
    def __init__(self):
        self.host, self.ben, self.carl = Daemon("host"), Daemon("ben"), Daemon("carl")
        self.daemons = [self.host, self.ben, self.carl]

    async def enter(self):
        """Ben and Carl come later than the host, so that it is they who dial."""
        self.host.start()
        self.uploads = Uploads(self.host)
        self.host_id = self.host.account("host")
        self.ids = {}
        for daemon in (self.ben, self.carl):
            daemon.start()
            self.ids[daemon] = daemon.account(daemon.name)
            self.host.ctl("contact", "add", self.ids[daemon], "--name", daemon.name.title())
        self.uploads.wait()
        wait_until("the host can be found", lambda: all(
            self.host.contact_state(self.ids[d]) == "waiting" for d in (self.ben, self.carl)))
        self.host_client = await Client(self.host, "host").login()
        self.grants = Grants(self.ben)
        self.clients = {}
        for daemon in (self.ben, self.carl):
            daemon.ctl("contact", "add", self.host_id, "--name", "Host")
            self.clients[daemon] = await Client(daemon, daemon.name).login()
        for daemon, client in self.clients.items():
            await client.until("sees the host", lambda c=client: c.sees(self.host_id))

    def stop(self):
        for daemon in self.daemons:
            daemon.stop()
            daemon.remove()


async def all_is_tried(cast, thief, known, left, new):
    """The thief's daemon is started again and again; old and new addresses are dialled meanwhile."""
    end = time.monotonic() + TRYING_S
    starts, dials, codes = 0, 0, set()
    loop = asyncio.get_running_loop()
    carl = cast.clients[cast.carl]
    while time.monotonic() < end:
        thief.start()
        starts += 1
        control = await loop.run_in_executor(None, Control, thief)
        wait_until("tor is ready", lambda: thief.ctl("status")["tor"]["state"] == "ready")
        for address, key in known.items():
            control.ask(f"ONION_CLIENT_AUTH_ADD {address} {key}")
        path = control.socks()
        for address in [*left, *new]:
            code, data = await loop.run_in_executor(None, dial, path, address)
            dials += 1
            codes.add(code)
            assert code != 0 and data == b"", (address in new, code, data)
        seen = time.monotonic() + 5
        while time.monotonic() < seen:
            assert thief.contact_state(cast.host_id) != "linked"
            assert cast.host.contact_state(cast.ids[cast.carl]) == "linked"
            await asyncio.sleep(0.2)
        number = f"still here {starts}"
        cast.host_client.say_to(cast.ids[cast.carl], number)
        await carl.until("hears the host", lambda: carl.messages and carl.messages[-1][1] == number)
        thief.kill()
    say(f"{starts} starts with all that was known, {dials} dials (answers of tor: "
        f"{', '.join(sorted('none' if c is None else f'{c:#x}' for c in codes))}), and nothing came of it")


async def who_was_removed_gets_nothing():
    cast = Cast()
    try:
        await cast.enter()
        known = dict(cast.grants.known)
        left = set(cast.uploads.wait())
        say(f"ben knows {len(known)} address{'' if len(known) == 1 else 'es'} and keys; the host has had {len(left)}")
        assert known and set(known) <= left, (known, left)
        cast.ben.kill()
        thief = copy_of(cast.ben)
        cast.daemons.append(thief)
        carl = cast.clients[cast.carl]
        goodbyes = []
        carl.add_event_handler("presence_unavailable", lambda p: goodbyes.append(p["from"].bare))

        cast.host.ctl("contact", "remove", "Ben")
        wait_until("the host has moved", lambda: cast.uploads.addresses - left)
        new = cast.uploads.addresses - left
        assert not set(known) & new
        await all_is_tried(cast, thief, known, left, new)
        assert not goodbyes, goodbyes
        assert [c["id"] for c in cast.host.ctl("contact", "list")["contacts"]] == [cast.ids[cast.carl]]
        assert not cast.host_client.errors
        for client in (carl, cast.host_client):
            await client.logout()
    finally:
        cast.stop()


if __name__ == "__main__":
    main(who_was_removed_gets_nothing)
