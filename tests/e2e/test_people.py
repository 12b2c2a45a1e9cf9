#!/usr/bin/python3
"""Invitations from end to end: a host, guests who are let in, turned away, blocked, and removed."""

import asyncio
import base64
import subprocess
from xml.etree import ElementTree

from lib import BUILD, Client, Daemon, Refused, main, say, wait_until

# How long nothing must happen before it counts as silence.
SILENCE_S = 15
# How long it takes at most to write an invitation into the registry.
INVITED_S = 5


class Person(Client):
    """A client that keeps subscription requests, and answers them itself."""

    def __init__(self, daemon, user):
        super().__init__(daemon, user)
        self.auto_authorize = None
        self.requests = []  # (id, text, name)
        self.register_plugin("xep_0050")
        self.register_plugin("xep_0172")
        self.register_plugin("xep_0191")
        self.add_event_handler("presence_subscribe", self.on_request)

    def on_request(self, presence):
        name = presence.xml.findtext("{http://jabber.org/protocol/nick}nick") or ""
        self.note(self.requests.append, (presence["from"].local, presence["status"], name))

    def roster_item(self, contact):
        return self.client_roster[f"{contact}@localhost"] if f"{contact}@localhost" in self.client_roster else None

    async def command(self, node, **fields):
        """Run an ad-hoc command with a form; its note."""
        first = await self.plugin["xep_0050"].send_command("localhost", node, action="execute")
        if not fields:
            return first["command"]
        form = self.plugin["xep_0004"].make_form(ftype="submit")
        for name, value in fields.items():
            form.add_field(var=name, value=value)
        done = await self.plugin["xep_0050"].send_command(
            "localhost", node, action="complete", payload=form, sessionid=first["command"]["sessionid"])
        return done["command"]


class Cast:
    """A host and three guests, each with a daemon."""

    NAMES = ("host", "ben", "carl", "dora")

    async def enter(self):
        self.daemons = {name: Daemon(name) for name in self.NAMES}
        self.ids, self.clients = {}, {}
        for name, daemon in self.daemons.items():
            daemon.start()
            self.ids[name] = daemon.account(name)
            self.clients[name] = await Person(daemon, name).login()
        for name, daemon in self.daemons.items():
            wait_until(f"{name} can be reached",
                       lambda d=daemon: all(a["published"] for a in d.ctl("status")["accounts"]))
        return self

    async def invite(self, *words):
        """A link, and the time until guests can find it: one who looks earlier looks again after minutes."""
        link = self.daemons["host"].ctl("invite", *words)["link"]
        await asyncio.sleep(INVITED_S)
        return link

    async def leave(self):
        for client in self.clients.values():
            await client.logout()

    def stop(self):
        for daemon in self.daemons.values():
            daemon.stop()
            daemon.remove()

    def requests(self):
        return [r["id"] for r in self.daemons["host"].ctl("requests")["requests"]]


async def a_guest_is_let_in(cast, link):
    host, ben = cast.clients["host"], cast.clients["ben"]
    note = await ben.command("introduce", link=link, text="we met at the choir", **{"as": "Ben"}, name="Hostess")
    assert note["status"] == "completed", note
    took = await host.until("is asked", lambda: host.requests)
    say(f"the request came after {took:.1f} s")
    assert host.requests == [(cast.ids["ben"], "we met at the choir", "Ben")], host.requests
    host.send_presence(pto=f"{cast.ids['ben']}@localhost", ptype="subscribed")
    host.send_presence(pto=f"{cast.ids['ben']}@localhost", ptype="subscribe")
    await asyncio.gather(host.until("sees ben", lambda: host.sees(cast.ids["ben"])),
                         ben.until("sees the host", lambda: ben.sees(cast.ids["host"])))
    assert host.roster_item(cast.ids["ben"])["name"] == "Ben"
    assert host.roster_item(cast.ids["ben"])["subscription"] == "both"
    assert ben.roster_item(cast.ids["host"])["name"] == "Hostess"
    assert ben.roster_item(cast.ids["host"])["subscription"] == "both"
    host.say_to(cast.ids["ben"], "welcome")
    ben.say_to(cast.ids["host"], "thank you")
    await ben.until("is greeted", lambda: ben.messages)
    await host.until("is answered", lambda: host.messages)
    assert ben.messages == [(f"{cast.ids['host']}@localhost", "welcome")]
    assert host.messages == [(f"{cast.ids['ben']}@localhost", "thank you")]


async def a_used_link_is_worth_nothing(cast, link):
    cast.daemons["carl"].ctl("introduce", link, "--text", "me too")
    await asyncio.sleep(SILENCE_S)
    assert len(cast.clients["host"].requests) == 1 and not cast.requests()
    assert not cast.clients["carl"].sees(cast.ids["host"])
    cast.daemons["carl"].ctl("contact", "remove", cast.ids["host"])


async def deny_and_block(cast):
    host, daemon = cast.clients["host"], cast.daemons["host"]
    link = await cast.invite("--reusable", "--expires", "1h")
    for guest in ("carl", "dora"):
        cast.daemons[guest].ctl("introduce", link, "--as", guest.title())
    await host.until("is asked by both", lambda: len(cast.requests()) == 2)
    host.send_presence(pto=f"{cast.ids['carl']}@localhost", ptype="unsubscribed")
    await host.plugin["xep_0191"].block(f"{cast.ids['dora']}@localhost")
    wait_until("both requests are gone", lambda: not cast.requests(), 10)
    assert daemon.ctl("blocked")["blocked"] == [cast.ids["dora"]]
    await asyncio.sleep(SILENCE_S)
    for guest in ("carl", "dora"):
        assert not cast.clients[guest].sees(cast.ids["host"])
        assert cast.clients[guest].roster_item(cast.ids["host"])["subscription"] == "none"
    assert cast.ids["carl"] not in [c["id"] for c in daemon.ctl("contact", "list")["contacts"]]


async def a_contact_is_removed(cast):
    host, ben = cast.clients["host"], cast.clients["ben"]
    assert ben.sees(cast.ids["host"])
    await host.del_roster_item(f"{cast.ids['ben']}@localhost")
    took = await ben.until("sees the host leave", lambda: ben.sees(cast.ids["host"], ""))
    say(f"a removal was seen as a logout after {took:.1f} s")
    assert not cast.daemons["host"].ctl("contact", "list")["contacts"]


def read_code(image):
    """What a camera reads in a picture."""
    return subprocess.run(["zbarimg", "--raw", "--nodbus", "-q", "-"], input=image, stdout=subprocess.PIPE,
                          check=True).stdout.decode().strip()


def picture_of(text):
    """The half blocks of a terminal as a picture, dark where the terminal is."""
    rows = []
    for line in text.splitlines():
        if "\033[40;97m" not in line:
            continue
        cells = line.split("\033[40;97m")[1].split("\033[0m")[0]
        rows += [[c in "█▀" for c in cells], [c in "█▄" for c in cells]]
    scale = 4
    lines = [bytes(255 if light else 0 for light in row for _ in range(scale)) for row in rows]
    head = f"P5 {len(rows[0]) * scale} {len(rows) * scale} 255\n".encode()
    return head + b"".join(line * scale for line in lines)


async def codes_can_be_read(cast):
    """In the terminal, and in the client's form."""
    shown = subprocess.run([str(BUILD / "tacetctl"), "-c", str(cast.daemons["host"].config), "invite", "--qr"],
                           capture_output=True, text=True, check=True).stdout
    assert read_code(picture_of(shown)) == shown.splitlines()[0], shown
    client = cast.clients["host"]
    form = await client.command("invite", name="Hostess", reusable="0", days="7")
    link = form.xml.find(".//{jabber:x:data}field[@var='link']/{jabber:x:data}value").text
    uri = form.xml.find(".//{urn:xmpp:media-element}uri").text
    question = client.make_iq_get(ito="localhost")
    question.append(ElementTree.Element("{urn:xmpp:bob}data", cid=uri.removeprefix("cid:")))
    picture = (await question.send()).xml.find("{urn:xmpp:bob}data").text
    assert read_code(base64.b64decode(picture)) == link
    for invitation in cast.daemons["host"].ctl("invitations")["invitations"]:
        cast.daemons["host"].ctl("invitations", "revoke", invitation["number"])


async def receipts_come_back(cast):
    """A receipt that the other client gives by itself (XEP-0184)."""
    host, ben = cast.clients["host"], cast.clients["ben"]
    received = []
    host.register_plugin("xep_0184")
    ben.register_plugin("xep_0184", {"auto_ack": True})
    host.add_event_handler("receipt_received", lambda m: host.note(received.append, m["receipt"]))
    message = host.make_message(mto=f"{cast.ids['ben']}@localhost", mbody="there?", mtype="chat")
    message["request_receipt"] = True
    message["id"] = "asked"
    message.send()
    await host.until("has the receipt", lambda: received)
    assert received == ["asked"], received


def wrong_links(cast):
    link = cast.daemons["host"].ctl("invite")["link"]
    for bad in (link[:20], link.replace(cast.ids["host"][:4], "aaaa"), "hello"):
        try:
            cast.daemons["carl"].ctl("introduce", bad)
            raise AssertionError(f"{bad} was taken")
        except Refused:
            pass


async def the_life_of_an_invitation():
    cast = Cast()
    try:
        await cast.enter()
        wrong_links(cast)
        await codes_can_be_read(cast)
        link = await cast.invite("--name", "Host")
        await a_guest_is_let_in(cast, link)
        await receipts_come_back(cast)
        await a_used_link_is_worth_nothing(cast, link)
        await deny_and_block(cast)
        await a_contact_is_removed(cast)
        await cast.leave()
    finally:
        cast.stop()


if __name__ == "__main__":
    main(the_life_of_an_invitation)
