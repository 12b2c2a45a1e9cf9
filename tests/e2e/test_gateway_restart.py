#!/usr/bin/python3
"""The gateway behind a real Prosody that is restarted five times in a row, and killed, while messages go both
ways; the gateway killed in a flood; a server that accepts and never answers; a secret that is mended."""

import asyncio
import socket
import time

from lib import Client, Daemon, main, say, wait_until
from servers import COMPONENT, Prosody, installed
from test_gateway import User, gateway

RESTARTS = 5
# What may be under way between gateway and server when one of them goes (GW_PARCELS_MAX).
PARCELS = 32


class Listener(User):
    """Keeps the id that the gateway's side of a conversation knows each message by (XEP-0359)."""

    def __init__(self, server, name):
        super().__init__(server, name)
        self.ids = []  # (body, id)

    def on_message(self, message):
        super().on_message(message)
        stanza_id = message.xml.find("{urn:xmpp:sid:0}stanza-id")
        if message["body"] and message["from"].bare != COMPONENT:
            self.ids.append((message["body"], None if stanza_id is None else stanza_id.get("id")))


class Conversation:
    """Bob, at home, writes to Alice, and she to him; her client comes again after each restart."""

    def __init__(self, prosody, bob, bob_id, alice_id):
        self.prosody, self.bob, self.bob_id, self.alice_id = prosody, bob, bob_id, alice_id
        self.alice = None
        self.heard = []  # by Alice, of all her sessions: (body, id)
        self.to_alice = self.to_bob = 0
        self.safe = set()  # what the gateway has taken from Alice

    async def come(self):
        self.alice = Listener(self.prosody, "alice")
        # Before she is there: what has waited for her comes at once.
        self.alice.id, self.alice.ids = self.alice_id, self.heard
        return await self.alice.login()

    def bob_says(self, count):
        for _ in range(count):
            self.bob.say_to(self.alice_id, f"b{self.to_alice}")
            self.to_alice += 1

    async def alice_says(self, count):
        """An answer to what comes behind them: the gateway has them all."""
        said = set()
        for _ in range(count):
            self.alice.say_to(self.bob_id, f"a{self.to_bob}")
            said.add(f"a{self.to_bob}")
            self.to_bob += 1
        try:
            await self.alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>")
            self.safe |= said
        except Exception:  # the server went in between
            pass

    async def all_are_there(self, interruptions):
        def missing():
            return {f"b{n}" for n in range(self.to_alice)} - {body for body, _ in self.heard}

        try:
            await self.alice.until("all of Bob's", lambda: not missing())
        except AssertionError as error:
            raise AssertionError(f"lost: {sorted(missing(), key=lambda body: int(body[1:]))}") from error
        first = list(dict.fromkeys(self.heard))
        bodies = [body for body, _ in first]
        assert all(stanza_id for _, stanza_id in first)
        again = len(self.heard) - len(first)
        assert again <= interruptions * PARCELS, again
        await self.bob.until("all of Alice's", lambda: self.safe <= {body for who, body in self.bob.messages
                                                                     if who == f"{self.alice_id}@localhost"})
        heard = [body for who, body in self.bob.messages if who == f"{self.alice_id}@localhost"]
        numbers = [int(body[1:]) for body in heard]
        assert numbers == sorted(set(numbers)), "doubled or overtaken"
        assert bodies == [f"b{n}" for n in range(self.to_alice)], "lost, overtaken, or under two ids"
        say(f"{len(bodies)} of {self.to_alice} to Alice, {again} of them came again under the same id; "
            f"{len(heard)} of {self.to_bob} to Bob ({len(self.safe)} were safe)")


async def restarts():
    deaf = asyncio.create_task(asyncio.to_thread(a_server_that_never_answers))
    prosody = Prosody(users={"alice": "secret"}).start()
    west, home = gateway("west", prosody).start(), Daemon("home").start()
    bob_id, eve_id, mia_id, nobody = [home.account(name) for name in ("bob", "eve", "mia", "nobody")]
    bob, eve = await Client(home, "bob").login(), await Client(home, "eve").login()
    alice = await User(prosody, "alice").login()
    await alice.register()
    say("four states: Bob is a contact, Eve sees nothing any more, Alice has asked somebody, Mia has asked her")
    home.ctl("contact", "add", alice.id, "-a", "bob")
    alice.accept(bob_id)
    alice.subscribe(nobody)
    link = (await alice.command("invite", name="Alice", reusable="1", days="1"))["link"]
    home.ctl("introduce", link, "-a", "eve", "--as", "Eve")
    await alice.until("Eve asks", lambda: f"{eve_id}@{COMPONENT}" in alice.asked)
    alice.accept(eve_id)
    await alice.until("Bob and Eve are there", lambda: alice.sees(bob_id) and alice.sees(eve_id))
    await eve.until("Alice is there", lambda: eve.sees(alice.id))
    alice.send_presence(pto=f"{eve_id}@{COMPONENT}", ptype="unsubscribed")
    await eve.until("Alice is gone", lambda: eve.sees(alice.id, ""))
    home.ctl("introduce", link, "-a", "mia", "--as", "Mia")
    await alice.until("Mia asks", lambda: f"{mia_id}@{COMPONENT}" in alice.asked)

    say("the server goes and comes")
    talk = Conversation(prosody, bob, bob_id, alice.id)
    await alice.logout()
    alice = await talk.come()
    for n in range(RESTARTS):
        talk.bob_says(40)
        await talk.alice_says(20)
        talk.bob_says(40)
        asyncio.ensure_future(talk.alice_says(20))
        await asyncio.sleep(0.3)
        # Between her server and a client that breaks off, without stream management, messages are lost.
        await alice.logout()
        # The last one without a goodbye.
        (prosody.kill if n == RESTARTS - 1 else prosody.stop)()
        talk.bob_says(40)
        await asyncio.sleep(0.2)
        prosody.start()
        alice = await talk.come()
    await talk.all_are_there(RESTARTS)

    async def as_before():
        await alice.until("Bob and Eve are there", lambda: alice.sees(bob_id) and alice.sees(eve_id))
        await bob.until("Bob sees Alice", lambda: bob.sees(alice.id))
        await asyncio.sleep(1)
        assert not eve.sees(alice.id), eve.contacts
        assert not alice.sees(nobody) and not alice.sees(mia_id), alice.contacts
        # A server asks again at each login; the gateway does not.
        assert alice.asked.count(f"{mia_id}@{COMPONENT}") <= 1 and set(alice.asked) <= {f"{mia_id}@{COMPONENT}"}, \
            alice.asked

    await as_before()

    say("the gateway is killed in a flood")
    for n in range(3):
        talk.bob_says(200)
        await talk.alice_says(20)
        before = len(talk.heard)
        await alice.until("some come", lambda: len(talk.heard) > before)
        west.kill()
        west.start()
        await alice.until("Bob is there", lambda: alice.sees(bob_id))
    await talk.all_are_there(RESTARTS + 3)
    await as_before()
    for client in (alice, bob, eve):
        await client.logout()
    for daemon in (west, home):
        daemon.stop()
        daemon.remove()
    prosody.stop()
    prosody.remove()
    await deaf


def a_server_that_never_answers():
    prosody = Prosody()
    deaf = socket.create_server(("127.0.0.1", prosody.component_port))
    daemon = gateway("patient", prosody).start()
    began = time.monotonic()
    # 30 s for the whole of it; the kernel takes the connection.
    wait_until("it is given up", lambda: "the server does not answer" in daemon.log, limit=60)
    say(f"given up after {time.monotonic() - began:.0f} s; meanwhile the daemon answers")
    daemon.ctl("status")
    deaf.close()
    prosody.start()
    wait_until("it is connected", lambda: "the Jabber server has taken the gateway" in daemon.log)
    daemon.stop()
    daemon.remove()
    prosody.remove()


def a_secret_is_mended():
    prosody = Prosody().start()
    daemon = gateway("mended", prosody)
    secret = daemon.settings["component-secret-file"]
    secret.write_text("something else\n")
    daemon.start()
    wait_until("it is refused", lambda: "refuses the secret" in daemon.log)
    secret.write_text(prosody.secret + "\n")
    took = wait_until("it is taken", lambda: "the Jabber server has taken the gateway" in daemon.log, limit=30)
    say(f"taken {took:.1f} s after it was mended")
    daemon.stop()
    daemon.remove()
    prosody.remove()


if __name__ == "__main__":
    if Prosody not in installed():
        print("prosody is not installed")
        raise SystemExit(77)
    main(a_secret_is_mended, restarts)
