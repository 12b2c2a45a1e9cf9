#!/usr/bin/python3
"""The component's stream against real Prosody and real ejabberd (servers.py), through
tests/e2e/component_echo, which sends back what it is sent.

usage: test_component_stream.py [TEST...]       needs $TACET_BUILD, no test network
"""

import asyncio
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import servers
from lib import BUILD, Client, say, wait_until

PATIENCE_S = 60
X = f"x@{servers.COMPONENT}"


class Echo:
    """A component_echo and what it has said."""

    running = []

    def __init__(self, server, *options, domain=servers.COMPONENT, secret=None):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:  # mode 0600
            file.write((secret or server.secret) + "\n")
        self.secret, self.lines = file.name, []
        self.process = subprocess.Popen(
            [str(BUILD / "tests/e2e/component_echo"), *options, str(server.component_port), domain, file.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        Echo.running.append(self)

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def count(self, pattern):
        return sum(1 for line in self.lines if re.search(pattern, line))

    def until(self, pattern, count=1, limit=PATIENCE_S):
        wait_until(f"{pattern} x {count} in {self.lines[-5:]}", lambda: self.count(pattern) >= count, limit, 0.05)
        return self

    def tell(self, line):
        self.process.stdin.write(line + "\n")

    def end(self):
        """By closing its input; it must end well, also for the sanitizers."""
        if self in Echo.running:
            Echo.running.remove(self)
            self.process.stdin.close()
            status = self.process.wait(20)
            os.unlink(self.secret)
            assert status == 0, f"component_echo ended with {status}"


class User(Client):
    """A client of the real server."""

    def __init__(self, server, name):
        self.port = server.client_port
        super().__init__(self, name)
        self.raw = []  # messages as they came
        self.add_event_handler("message", lambda m: self.note(self.raw.append, m))

    def bodies(self):
        return [m["body"] for m in self.raw if m["type"] != "error"]


def message(text, attributes=""):
    return f"<message to='{X}' type='chat' {attributes}><body>{text}</body></message>"


async def echoes(server):
    """Both ways; the sender is the one that the server has stamped, whatever else is written."""
    echo = Echo(server).until("^up$")
    user = await User(server, "bob").login()
    user.send_raw(message("hello", "xml:lang='de' id='7'"))
    user.send_raw(message("forged", "xmlns:f='urn:f' f:from='alice@localhost' f:to='y@elsewhere' f:type='error'"))
    user.send_raw(message("unheard of", "xmlns:f='urn:f'").replace("</body>", "</body><g xmlns='urn:never' a='1'/>"))
    await user.until("three echoes", lambda: len(user.raw) >= 3)
    assert user.bodies() == ["hello", "forged", "unheard of"], user.bodies()
    assert user.raw[0]["id"] == "7" and user.raw[0].xml.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert user.raw[2].xml.find("{urn:never}g").get("a") == "1"
    await user.logout()
    echo.end()


async def too_big(server):
    """What a user can send must not end the stream; he is told."""
    echo = Echo(server).until("^up$")
    user = await User(server, "bob").login()
    # Not deeper: 20,000 end ejabberd 23.01 itself.
    deep, wide = "<a>" * 1000 + "</a>" * 1000, "<a/>" * 60000
    for what in (deep, wide):
        user.send_raw(f"<message to='{X}' type='chat' id='big'><body>big</body><a xmlns='urn:a'>{what}</a></message>")
        user.send_raw(message("after"))
    await user.until("two echoes", lambda: user.bodies().count("after") == 2 or user.ended.is_set())
    assert user.bodies() == ["after", "after"] and len(user.errors) == 2, (user.bodies(), user.errors)
    for error in user.errors:
        assert "<policy-violation" in str(error), error
    assert not echo.count("down"), echo.lines
    await user.logout()
    echo.end()


async def forged_from(server):
    """A stanza of ours from another domain is our own bug; the server ends the stream and says why."""
    echo = Echo(server).until("^up$")
    echo.tell("send 1 x@elsewhere.example bob@localhost")
    if server.name == "prosody":
        echo.until("down protocol: a stanza was not from")
    else:
        echo.until("down .*(not from|ended the stream)")
    echo.end()


async def refused(server):
    """Wrong secret, unknown domain, a second of the same domain: in words, and not again at once."""
    cases = [({"secret": "wrong"}, "down auth: the server refuses the secret"),
             ({"domain": "other.localhost"}, "down auth: the server (knows no component|refuses)")]
    for settings, expected in cases:
        echo = Echo(server, "-q", **settings).until(expected)
        time.sleep(1.5)  # three attempts, if it were not refused
        assert echo.lines and len(echo.lines) == 1, echo.lines
        echo.end()
    if server.name == "prosody":  # ejabberd takes several and shares the work between them
        first = Echo(server).until("^up$")
        second = Echo(server, "-q").until("down exists: another component")
        first.end()
        second.until("^up$")
        second.end()


async def restarted(server):
    """Nothing is lost when the server is restarted, or killed, in the middle of it."""
    count = 3000
    echo = Echo(server, "-q").until("^up$")
    echo.tell(f"send {count} {X} bob@localhost")
    echo.until("passed", 3)
    server.restart()
    echo.until("^up$", 2)
    assert echo.count(f"passed {count}$") == 0, "too few messages"
    echo.until(f"passed {count}$")
    user = await User(server, "bob").login()
    await user.until("all messages", lambda: len(set(user.bodies())) == count)
    server.kill()
    echo.until("down", 2)
    server.start()
    echo.until("^up$", 3)
    await user.until("the end", user.ended.is_set)
    echo.end()


async def stopped(server):
    """What is queued is sent first, and the server sees an end in order."""
    echo = Echo(server).until("^up$")
    user = await User(server, "bob").login()
    echo.tell(f"send 40 {X} bob@localhost\nstop")
    echo.until("down closed")
    await user.until("what was queued", lambda: len(set(user.bodies())) == 40)
    assert echo.process.wait(10) == 0
    echo.end()
    await user.logout()


async def frozen(server):
    """A server that answers no more is noticed, and found again."""
    echo = Echo(server, "-q").until("^up$")
    server.freeze()
    echo.until("down timeout: the server does not answer")
    server.thaw()
    echo.until("^up$", 2)
    echo.end()


TESTS = (echoes, too_big, forged_from, refused, stopped, frozen, restarted)


def main():
    chosen = sys.argv[1:]
    for kind in servers.installed():
        server = kind(users={"alice": "secret", "bob": "secret"}).start()
        for test in TESTS:
            if not chosen or test.__name__ in chosen:
                say(server.name, test.__name__.replace("_", " "))
                asyncio.run(asyncio.wait_for(test(server), 120))
        server.remove()
    say("done")


if __name__ == "__main__":
    if not pathlib.Path(BUILD / "tests/e2e/component_echo").exists():
        print(f"no {BUILD}/tests/e2e/component_echo: set TACET_BUILD, and make check TESTS=")
        sys.exit(77)
    try:
        main()
    finally:
        for left in Echo.running:
            left.process.kill()
