#!/usr/bin/python3
"""XEP-0198 with a client library that others wrote, at the server with a made-up world
(tests/xmpp/serve): connections are aborted while messages are under way; the session is resumed, or
a new one begins, and every message has come once."""

import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import slixmpp
except ImportError:
    print("slixmpp is not installed")
    sys.exit(77)

SERVE = pathlib.Path(os.environ.get("top_builddir", "build")) / "tests/xmpp/serve"
# Says back what it is told.
ANNA = "annaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@localhost"
PATIENCE_S = 20
BREAKS = 3
MESSAGES = 12


class Client(slixmpp.ClientXMPP):
    def __init__(self, port):
        super().__init__("alice@localhost/slix", "secret",
                         plugin_config={"feature_mechanisms": {"use_mech": "SCRAM-SHA-256"}})
        self.port = port
        self.register_plugin("xep_0198")
        self.register_plugin("xep_0203")
        self.bodies, self.delayed = [], 0
        self.started, self.resumed, self.managed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.gone, self.come = asyncio.Event(), asyncio.Event()
        self.add_event_handler("session_start", lambda _: self.started.set())
        self.add_event_handler("session_resumed", lambda _: self.resumed.set())
        self.add_event_handler("sm_enabled", lambda _: self.managed.set())
        self.add_event_handler("disconnected", lambda _: self.gone.set())
        self.add_event_handler("message", self.on_message)

    def on_message(self, message):
        self.bodies.append(message["body"])
        self.delayed += bool(message.get_plugin("delay", check=True))
        self.come.set()

    def dial(self):
        self.gone.clear()
        self.connect(("127.0.0.1", self.port), force_starttls=False, disable_starttls=True)

    async def has(self, expected):
        while len(self.bodies) < len(expected):
            self.come.clear()
            await within(self.come.wait())
        # One that comes twice would come now.
        await asyncio.sleep(0.3)
        assert self.bodies == expected, (self.bodies, expected)

    async def lose(self, texts):
        """Say them, hear no answer, and lose the connection."""
        self.transport.pause_reading()
        for text in texts:
            self.send_message(mto=ANNA, mbody=text, mtype="chat")
        await asyncio.sleep(0.7)
        self.transport.abort()
        await within(self.gone.wait())


async def within(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def log_in(port):
    client = Client(port)
    client.dial()
    await within(client.started.wait())
    await within(client.managed.wait())
    client.send_presence()
    return client


async def main():
    directory = tempfile.mkdtemp(prefix="tacet-slixmpp-", dir="/tmp")
    server = subprocess.Popen([str(SERVE), directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[1])
        client = await log_in(port)
        said = []
        for turn in range(BREAKS):
            heard = [f"heard {turn}.{n}" for n in range(MESSAGES)]
            lost = [f"lost {turn}.{n}" for n in range(MESSAGES)]
            for text in heard:
                client.send_message(mto=ANNA, mbody=text, mtype="chat")
            said += heard
            await client.has(said)
            await client.lose(lost)
            assert client.bodies == said, "the connection was to break before the answers came"
            client.resumed.clear()
            client.dial()
            await within(client.resumed.wait())
            said += lost
            await client.has(said)
            print("ok resumed", turn)
        assert client.delayed == 0

        lost = [f"left {n}" for n in range(MESSAGES)]
        await client.lose(lost)
        other = await log_in(port)
        await other.has(lost)
        assert client.bodies == said and other.delayed == MESSAGES
        print("ok not resumed")
        other.disconnect(wait=1)
        await within(other.gone.wait())
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
        shutil.rmtree(directory, ignore_errors=True)


asyncio.run(asyncio.wait_for(main(), 120))
