#!/usr/bin/python3
"""The gateway behind a real Prosody under a flood, while two others talk: one account is flooded from the
network, then one user floods the gateway. The others lose nothing, and their messages keep their order."""

import asyncio
import collections
import os
import pathlib
import statistics
import time

import slixmpp

from lib import Client, Daemon, main, say, wait_until
from servers import COMPONENT, STANZA_SIZE, Prosody, installed
from test_gateway import User, gateway

FLOOD = int(os.environ.get("TACET_FLOOD", "4000"))
# So many contacts and stanzas a minute may one user have here.
CONTACTS, RATE = 20, 600
# Far more than what all limits of three users allow, far less than what is poured in.
MEMORY_MAX_KIB = 48 * 1024
SUBSCRIBE = 7  # in what_alice_says
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def memory(daemon):
    """Resident, now; KiB."""
    for line in pathlib.Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


class Talk:
    """Two users who send a message to and fro, all the time."""

    def __init__(self, one, other):
        self.one, self.other = one, other
        self.trips = []
        self.task = None
        self.said = 0
        self.going = False

    async def run(self):
        while self.going:
            began = time.monotonic()
            for speaker, listener in ((self.one, self.other), (self.other, self.one)):
                speaker.say_to(listener.id, f"word {self.said}")
                await listener.until(f"word {self.said}", lambda: len(listener.heard(speaker.id)) > self.said)
            self.said += 1
            self.trips.append(time.monotonic() - began)

    def begin(self):
        self.trips.clear()
        self.going = True
        self.task = asyncio.create_task(self.run())

    async def end(self, least=1):
        """The median round trip, in ms."""
        limit = time.monotonic() + 60
        while len(self.trips) < least:
            assert not self.task.done() and time.monotonic() < limit, self.task
            await asyncio.sleep(0.05)
        self.going = False
        await self.task
        for speaker, listener in ((self.one, self.other), (self.other, self.one)):
            words = listener.heard(speaker.id)
            assert words == [f"word {n}" for n in range(self.said)], words[-5:]
        return 1000 * statistics.median(self.trips)


async def become_contacts(one, other):
    for a, b in ((one, other), (other, one)):
        a.accept(b.id)
    await one.until("the other is there", lambda: one.sees(other.id))
    await other.until("the other is there", lambda: other.sees(one.id))


async def one_is_flooded(west, home, alice, talk):
    bob_id = home.account("bob")
    bob = await Client(home, "bob").login()
    home.ctl("contact", "add", alice.id)
    alice.accept(bob_id)
    await alice.until("Bob is there", lambda: alice.sees(bob_id))
    await bob.until("Alice is there", lambda: bob.sees(alice.id))
    talk.begin()
    quiet = await talk.end(20)
    before = memory(west)
    talk.begin()
    began = time.monotonic()
    for n in range(FLOOD):
        bob.say_to(alice.id, f"{n}")
        if n % 100 == 99:
            await asyncio.sleep(0)
    most = 0
    while len(alice.heard(bob_id)) < FLOOD - len(bob.errors):
        most = max(most, memory(west))
        assert time.monotonic() - began < 300, (len(alice.heard(bob_id)), len(bob.errors))
        await asyncio.sleep(0.2)
    seconds = time.monotonic() - began
    flooded = await talk.end(5)
    refused = {int(e["body"]) for e in bob.errors if e["body"]}
    assert alice.heard(bob_id) == [f"{n}" for n in range(FLOOD) if n not in refused]
    assert all(e["error"]["condition"] == "resource-constraint" for e in bob.errors), bob.errors[0]
    say(f"{FLOOD} messages in {seconds:.1f} s, {len(bob.errors)} refused; memory {before} -> {most} KiB; the others' "
        f"round trip {quiet:.0f} -> {flooded:.0f} ms")
    assert most - before < MEMORY_MAX_KIB
    await bob.logout()
    return {"quiet": quiet, "flooded": flooded}


def what_alice_says(n):
    """Stanzas of all kinds."""
    who = "".join(LETTERS[(n >> shift) % 32] for shift in range(0, 15, 5)) * 18 + "aa"
    kinds = (f"<message to='{COMPONENT}' id='f{n}' type='chat'><body>help</body></message>",
             f"<iq to='{COMPONENT}' id='f{n}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
             f"<presence to='{COMPONENT}' id='f{n}'><status>{n}</status><x xmlns='vcard-temp:x:update'><photo>"
             f"{n:040x}</photo></x></presence>",
             f"<presence to='{who}@{COMPONENT}' id='f{n}'/>",
             f"<iq to='{who}@{COMPONENT}' id='f{n}' type='get'><vCard xmlns='vcard-temp'/></iq>",
             f"<iq to='{COMPONENT}' id='f{n}' type='set'><command xmlns='http://jabber.org/protocol/commands' "
             "node='id' action='execute'/></iq>",
             f"<iq to='{COMPONENT}' id='f{n}' type='error'/>",
             f"<presence to='{who}@{COMPONENT}' id='f{n}' type='subscribe'/>")
    # The server writes its roster for each: few.
    return kinds[SUBSCRIBE if n % 100 == 0 else n % SUBSCRIBE]


async def one_floods(west, prosody, alice, talk):
    conditions = collections.Counter()
    alice.register_handler(slixmpp.xmlstream.handler.Callback(
        "errors", slixmpp.xmlstream.matcher.StanzaPath("iq@type=error"),
        lambda iq: conditions.update([iq["error"]["condition"]])))
    before = memory(west)
    talk.begin()
    began = time.monotonic()
    for n in range(FLOOD):
        alice.send_raw(what_alice_says(n))
        if n % 50 == 49:
            await asyncio.sleep(0)
    # The answer comes behind all else, once there is a token again.
    while True:
        try:
            await alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>")
            break
        except slixmpp.exceptions.IqError as error:
            assert error.condition == "resource-constraint", error.condition
            await asyncio.sleep(0.1)
    seconds = time.monotonic() - began
    flooded = await talk.end(5)
    contacts = next(a for a in west.ctl("status")["accounts"] if a["name"] == "alice@localhost")["contacts"]
    say(f"{FLOOD} stanzas of one user in {seconds:.1f} s: {dict(conditions)}, {len(contacts)} contacts; the others' "
        f"round trip {flooded:.0f} ms; memory {before} -> {memory(west)} KiB")
    assert conditions["resource-constraint"] > FLOOD // 10
    assert len(contacts) <= CONTACTS
    assert memory(west) - before < MEMORY_MAX_KIB

    say("too long, in another's name, too deep")
    carol = talk.one
    # 20,000 end ejabberd 23.01 itself.
    deep = "<a>" * 1000 + "</a>" * 1000
    alice.send_raw(f"<message to='{COMPONENT}' id='deep'>{deep}</message>")
    await alice.until("it is refused", lambda: any("<policy-violation" in str(e) for e in alice.errors))
    # The server stamps who it was: it is the forger's own account that ends.
    alice.send_raw(f"<iq from='carol@localhost/test' to='{COMPONENT}' id='forged' type='set'>"
                   "<query xmlns='jabber:iq:register'><remove/></query></iq>")
    wait_until("an account has ended", lambda: len(west.ctl("status")["accounts"]) == 2)
    mallory = await User(prosody, "mallory").login()
    mallory.send_raw(f"<message to='{COMPONENT}'><body>" + "x" * (40 * STANZA_SIZE) + "</body></message>")
    await asyncio.wait_for(mallory.ended.wait(), 20)
    assert {a["name"] for a in west.ctl("status")["accounts"]} == {"carol@localhost", "dave@localhost"}
    assert (await carol.command("id"))["link"] == f"tacet:{carol.id}"
    talk.begin()
    afterwards = await talk.end(20)
    say(f"the others' round trip afterwards {afterwards:.0f} ms")
    return {"flooding": flooded, "afterwards": afterwards}


async def floods():
    """The others' round trips, in ms, by what went on meanwhile."""
    names = ("alice", "carol", "dave", "mallory")
    prosody = Prosody(users={name: "secret" for name in names}).start()
    west = gateway("west", prosody, component_contacts=CONTACTS, component_rate=RATE).start()
    home = Daemon("home").start()
    alice, carol, dave = [await User(prosody, name).login() for name in names[:3]]
    for user in (alice, carol, dave):
        await user.register()
    await become_contacts(carol, dave)
    talk = Talk(carol, dave)
    figures = await one_is_flooded(west, home, alice, talk)
    figures |= await one_floods(west, prosody, alice, talk)

    say("a domain that is not allowed any more: everybody there is refused, nothing is removed")
    west.stop()
    west.settings["component-user-domain"] = "elsewhere.example"
    west.start()
    wait_until("the server has taken it", lambda: west.log.count("the Jabber server has taken the gateway") == 2)
    try:
        await carol.command("id")
        raise AssertionError("not refused")
    except slixmpp.exceptions.IqError as error:
        assert error.condition == "forbidden", error.condition
    assert len(west.ctl("status")["accounts"]) == 2
    for daemon in (west, home):
        daemon.stop()
        daemon.remove()
    prosody.stop()
    prosody.remove()
    return figures


if __name__ == "__main__":
    if Prosody not in installed():
        print("prosody is not installed")
        raise SystemExit(77)
    main(floods)
