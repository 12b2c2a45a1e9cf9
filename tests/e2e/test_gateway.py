#!/usr/bin/python3
"""The gateway behind real servers: Alice is a user of Prosody, Carol of ejabberd, each server with a tacetd
of its own as its component; Bob has a tacetd at home. One daemon as both. And a server of our own, that says what no
server says."""

import asyncio
import base64
import hashlib
import json
import socket
import subprocess
from xml.sax.saxutils import escape

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from lib import BUILD, Client, Daemon, main, say, wait_until
from servers import COMPONENT, Ejabberd, Prosody, installed
from test_people import read_code

PUBSUB = "http://jabber.org/protocol/pubsub"
METADATA, DATA = "urn:xmpp:avatar:metadata", "urn:xmpp:avatar:data"
# A picture of one pixel.
PHOTO = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


class User(Client):
    """A user of a real server, whose client asks its user before it lets anybody in."""

    def __init__(self, server, name):
        super().__init__(server, name)
        self.port = server.client_port
        self.asked = []  # who would like to see us, each time
        self.auto_authorize = None
        self.auto_subscribe = False
        self.events, self.photos = {}, {}  # by bare JID: the last avatar's id; the hash in presence
        for plugin in ("xep_0004", "xep_0115", "xep_0163"):
            self.register_plugin(plugin)
        self["xep_0163"].add_interest(METADATA)
        self["xep_0030"].add_feature("urn:xmpp:reactions:0")
        for name, function in (("message", self.on_event), ("presence", self.on_photo)):
            self.register_handler(Callback(f"raw {name}", MatchXPath("{jabber:client}" + name), function))
        self.add_event_handler("presence_subscribe", lambda p: self.note(self.asked.append, p["from"].bare))
        self.enable_direct_tls = self.enable_starttls = False
        self.enable_plaintext = True
        self["feature_mechanisms"].unencrypted_plain = True
        self["feature_mechanisms"].unencrypted_scram = True

    async def login(self):
        self.connect(("127.0.0.1", self.port))
        await asyncio.wait_for(self.started.wait(), 60)
        return self

    def on_event(self, message):
        item = message.xml.find(f".//{{{PUBSUB}#event}}item")
        if item is not None and item.find(f".//{{{METADATA}}}info") is not None:
            self.note(self.events.__setitem__, message["from"].bare, item.get("id"))

    def on_photo(self, presence):
        photo = presence.xml.find("{vcard-temp:x:update}x/{vcard-temp:x:update}photo")
        if photo is not None:
            self.note(self.photos.__setitem__, presence["from"].bare, photo.text)

    async def sees_photo(self, contact):
        """By event and by presence; as avatar and in the vCard."""
        jid = f"{contact}@{COMPONENT}"
        await self.until("an event about the photo", lambda: jid in self.events)
        await self.until("the photo's hash in presence", lambda: self.photos.get(jid) == self.events[jid])
        answer = await self.ask("get", f"<pubsub xmlns='{PUBSUB}'><items node='{DATA}'/></pubsub>", to=jid)
        assert answer.findtext(f".//{{{DATA}}}data") == PHOTO
        answer = await self.ask("get", "<vCard xmlns='vcard-temp'/>", to=jid)
        assert answer.findtext("{vcard-temp}PHOTO/{vcard-temp}BINVAL") == PHOTO

    async def shows_photo(self, name):
        """As clients do: the vCard at the own server, its photo's hash in presence."""
        await self.ask("set", f"<vCard xmlns='vcard-temp'><FN>{name}</FN><PHOTO><TYPE>image/png</TYPE>"
                       f"<BINVAL>{PHOTO}</BINVAL></PHOTO></vCard>", to=self.boundjid.bare)
        presence = self.make_presence()
        presence.xml.append(slixmpp.ET.fromstring(
            "<x xmlns='vcard-temp:x:update'><photo>"
            f"{hashlib.sha1(base64.b64decode(PHOTO)).hexdigest()}</photo></x>"))
        presence.send()

    async def ask(self, kind, payload, to=COMPONENT):
        """An IQ; the payload of the result as an element."""
        iq = self.make_iq(ito=to, itype=kind)
        iq.append(slixmpp.ET.fromstring(payload))
        answer = await iq.send(timeout=30)
        return next(iter(answer.xml), None)

    async def command(self, node, **fields):
        """Run a command; its note and the values of its form as a dictionary."""
        ns = "http://jabber.org/protocol/commands"
        form = ""
        if fields:
            form = "<x xmlns='jabber:x:data' type='submit'>" + "".join(
                f"<field var='{k}'><value>{v}</value></field>" for k, v in fields.items()) + "</x>"
        session = "sessionid='1'" if fields else ""
        answer = await self.ask("set", f"<command xmlns='{ns}' node='{node}' action='execute' {session}>{form}"
                                "</command>")
        values = {f.get("var"): f.findtext("{jabber:x:data}value") for f in answer.iter("{jabber:x:data}field")}
        return values | {"note": answer.findtext(f"{{{ns}}}note")}

    async def register(self):
        await self.ask("set", "<query xmlns='jabber:iq:register'/>")
        # A server that lets the gateway write rosters does not ask.
        await self.until("the gateway asks", lambda: COMPONENT in self.asked or self.is_seen_by_gateway())
        # A while, as people take; Prosody forgets the request when the gateway does the wrong thing meanwhile.
        await asyncio.sleep(0.5)
        if COMPONENT in self.asked:
            self.send_presence(pto=COMPONENT, ptype="subscribed")
        await self.until("the gateway may see", self.is_seen_by_gateway)
        self.id = (await self.command("id"))["link"].removeprefix("tacet:")

    def is_seen_by_gateway(self):
        return self.client_roster[COMPONENT]["subscription"] in ("from", "both")

    def sees(self, contact, show="available", status=None):
        have = self.contacts.get(f"{contact}@{COMPONENT}")
        return have is not None and have[0] == show and (status is None or have[1] == status)

    def subscribe(self, contact):
        self.send_presence(pto=f"{contact}@{COMPONENT}", ptype="subscribe")

    def accept(self, contact):
        self.send_presence(pto=f"{contact}@{COMPONENT}", ptype="subscribed")
        self.subscribe(contact)

    def say_to(self, contact, body):
        self.send_message(mto=f"{contact}@{COMPONENT}", mbody=body, mtype="chat")

    def heard(self, contact):
        return [body for who, body in self.messages if who == f"{contact}@{COMPONENT}"]


def gateway(name, server, **settings):
    daemon = Daemon(name, local_server="no", component_domain=COMPONENT, component_port=server.component_port,
                    component_user_domain="localhost", **settings)
    secret = daemon.directory / "secret"
    secret.write_text(settings.pop("secret", server.secret) + "\n")
    secret.chmod(0o600)
    daemon.settings["component-secret-file"] = secret
    return daemon


def doctor(daemon):
    """What it finds, whatever its status."""
    done = subprocess.run([str(BUILD / "tacetctl"), "-c", str(daemon.config), "--json", "doctor"],
                          capture_output=True, text=True, timeout=100)
    return json.loads(done.stdout)["findings"]


async def users_of_two_servers():
    prosody = Prosody(users={"alice": "secret"}, privileges=True).start()
    ejabberd = Ejabberd(users={"carol": "secret"}).start()
    west, east, home = gateway("west", prosody).start(), gateway("east", ejabberd).start(), Daemon("home").start()
    bob_id = home.account("bob")
    bob = await Client(home, "bob").login()
    alice = await User(prosody, "alice").login()
    carol = await User(ejabberd, "carol").login()

    say("Alice and Carol register")
    await alice.register()
    await carol.register()
    status = west.ctl("status")
    assert status["accounts"][0]["name"] == "alice@localhost"
    assert status["component"]["state"] == "up" and status["component"]["users"] == 1, status["component"]

    say("Alice invites Bob, who is at home")
    link = (await alice.command("invite", name="Alice", reusable="0", days="1"))["link"]
    home.ctl("introduce", link, "--text", "It is me", "--as", "Bob")
    await alice.until("Bob asks", lambda: f"{bob_id}@{COMPONENT}" in alice.asked)
    alice.accept(bob_id)
    await alice.until("Bob is there", lambda: alice.sees(bob_id))
    await bob.until("Alice is there", lambda: bob.sees(alice.id))
    say("they talk")
    bob.say_to(alice.id, "hello Alice")
    await alice.until("a message", lambda: alice.heard(bob_id) == ["hello Alice"])
    alice.say_to(bob_id, "hello Bob")
    await bob.until("a message", lambda: (f"{alice.id}@localhost", "hello Bob") in bob.messages)

    say("Carol pastes Alice's link and gets her JID")
    link = (await alice.command("invite", name="Alice", reusable="0", days="1"))["link"]
    answer = await carol.ask("set", f"<query xmlns='jabber:iq:gateway'><prompt>{escape(link)}</prompt></query>")
    assert answer.findtext("{jabber:iq:gateway}jid") == f"{alice.id}@{COMPONENT}"
    carol.accept(alice.id)
    await alice.until("Carol asks", lambda: f"{carol.id}@{COMPONENT}" in alice.asked)
    alice.accept(carol.id)
    await alice.until("Carol is there", lambda: alice.sees(carol.id))
    await carol.until("Alice is there", lambda: carol.sees(alice.id))
    alice.say_to(carol.id, "from Prosody")
    carol.say_to(alice.id, "from ejabberd")
    await carol.until("a message", lambda: carol.heard(alice.id) == ["from Prosody"])
    await alice.until("a message", lambda: alice.heard(carol.id) == ["from ejabberd"])

    say("they see each other's photos, and what their clients can do")
    await alice.shows_photo("Alice A.")
    await carol.shows_photo("Carol C.")
    await alice.sees_photo(carol.id)
    await carol.sees_photo(alice.id)
    for user, contact in ((alice, carol.id), (carol, alice.id)):
        answer = await user.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
                                to=f"{contact}@{COMPONENT}/tacet")
        assert "urn:xmpp:reactions:0" in [f.get("var") for f in answer], slixmpp.ET.tostring(answer)
        answer = await user.ask("get", "<vCard xmlns='vcard-temp'/>", to=f"{contact}@{COMPONENT}")
        assert answer.findtext("{vcard-temp}FN") in ("Alice A.", "Carol C.")

    say("whom Alice blocks at Prosody does not see her; ejabberd would say nothing of it")
    item = f"<item jid='{carol.id}@{COMPONENT}'/>"
    await alice.ask("set", f"<block xmlns='urn:xmpp:blocking'>{item}</block>", to=None)
    await carol.until("Alice is gone", lambda: carol.sees(alice.id, ""))
    await alice.ask("set", f"<unblock xmlns='urn:xmpp:blocking'>{item}</unblock>", to=None)
    await carol.until("Alice is there", lambda: carol.sees(alice.id))

    say("the server restarts; what Bob writes meanwhile comes, and nobody is asked again")
    asked = len(alice.asked)
    prosody.stop()
    for n in range(20):
        bob.say_to(alice.id, f"meanwhile {n}")
    await asyncio.sleep(2)
    prosody.start()
    alice = await User(prosody, "alice").login()
    alice.id = west.ctl("id", "alice@localhost")["id"]
    await alice.until("all messages", lambda: alice.heard(bob_id) == [f"meanwhile {n}" for n in range(20)])
    await alice.until("all are there", lambda: alice.sees(bob_id) and alice.sees(carol.id))
    assert not alice.asked, alice.asked

    say("the component stops: nobody is there; it starts: all are")
    west.stop()
    await alice.until("Bob is gone", lambda: alice.sees(bob_id, ""))
    bob.say_to(alice.id, "while you were away")
    west.start()
    await alice.until("all are there", lambda: alice.sees(bob_id) and alice.sees(carol.id))
    await alice.until("the message", lambda: alice.heard(bob_id)[-1] == "while you were away")
    assert not alice.asked, alice.asked

    say("Alice removes Bob")
    await bob.until("Alice is there", lambda: bob.sees(alice.id))
    await alice.ask("set", f"<query xmlns='jabber:iq:roster'><item jid='{bob_id}@{COMPONENT}' subscription='remove'/>"
                    "</query>", to="alice@localhost")
    await bob.until("Alice is gone", lambda: bob.sees(alice.id, ""))
    wait_until("he is no contact", lambda: west.contact_state(bob_id) is None)

    say("Carol ends her account")
    await carol.ask("set", "<query xmlns='jabber:iq:register'><remove/></query>")
    await carol.until("Alice is gone", lambda: carol.sees(alice.id, ""))
    await alice.until("Carol is gone", lambda: alice.sees(carol.id, ""))
    assert east.ctl("status")["accounts"] == []

    for client in (alice, bob, carol):
        await client.logout()
    for daemon in (west, east, home):
        daemon.stop()
        daemon.remove()
    for server in (prosody, ejabberd):
        server.stop()
        server.remove()


async def one_daemon_for_both():
    """Its own server for users at home, and the component for those of another one whom its operator has listed. Who has
    the same JID at both is two people."""
    prosody = Prosody(users={"alice": "secret", "carol": "secret"}).start()
    daemon = gateway("both", prosody, component_registration="list", component_user="alice@localhost")
    daemon.settings["local-server"] = "yes"
    daemon.start()
    home_id = daemon.account("alice")
    home = await Client(daemon, "alice").login()
    alice, carol = await User(prosody, "alice").login(), await User(prosody, "carol").login()
    await alice.register()
    assert alice.id != home_id
    assert {a["name"]: a["id"] for a in daemon.ctl("status")["accounts"]} == {"alice": home_id, "alice@localhost": alice.id}
    try:
        await carol.register()
        raise AssertionError("Carol is not on the list")
    except slixmpp.exceptions.IqError as error:
        assert error.condition == "not-allowed", error.condition
    answer = await alice.ask("set", "<command xmlns='http://jabber.org/protocol/commands' node='id' action='execute'/>")
    [picture] = answer.iter("{urn:xmpp:bob}data")
    assert read_code(base64.b64decode(picture.text)) == f"tacet:{alice.id}"
    say("they become contacts, and talk")
    daemon.ctl("contact", "add", alice.id, "-a", "alice")
    alice.accept(home_id)
    await alice.until("the one at home is there", lambda: alice.sees(home_id))
    await home.until("the one behind the gateway is there", lambda: home.sees(alice.id))
    home.say_to(alice.id, "from home")
    alice.say_to(home_id, "from Prosody")
    await alice.until("a message", lambda: alice.heard(home_id) == ["from home"])
    await home.until("a message", lambda: home.messages == [(f"{alice.id}@localhost", "from Prosody")])
    say("Prosody ends; who is at home stays")
    prosody.stop()
    await home.until("the other is gone", lambda: home.sees(alice.id, ""))
    assert daemon.ctl("status")["xmpp"]["authenticated"] == 1 and not home.ended.is_set()
    await home.logout()
    daemon.stop()
    daemon.remove()
    prosody.remove()


async def a_wrong_secret():
    prosody = Prosody(users={"alice": "secret"}).start()
    daemon = gateway("wrong", prosody)
    (daemon.directory / "secret").write_text("something else\n")
    daemon.start()
    wait_until("it says so", lambda: "no stream to the Jabber server" in daemon.log)
    status = daemon.ctl("status")["component"]
    assert status["state"] != "up" and status["trouble"] and status["retry_ms"] > 10_000, status
    findings = {f["check"]: f for f in doctor(daemon)}
    assert findings["component"]["state"] == "FAIL" and "port" not in findings, findings
    alice = await User(prosody, "alice").login()
    try:
        await alice.register()
        raise AssertionError("somebody answers")
    except slixmpp.exceptions.IqError as error:
        assert error.condition in ("service-unavailable", "remote-server-timeout"), error.condition
    await alice.logout()
    daemon.stop()
    daemon.remove()
    prosody.remove()


class BadServer:
    """The server's side of XEP-0114, that takes any secret and says anything."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.component_port = self.listener.getsockname()[1]
        self.secret = "any"

    def accept(self):
        self.listener.settimeout(60)
        self.stream = self.listener.accept()[0]
        self.stream.settimeout(30)
        self.text = ""
        self.until("<stream:stream")
        self.send("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' id='1' "
                  f"xmlns:stream='http://etherx.jabber.org/streams' from='{COMPONENT}'>")
        self.until("</handshake>")
        self.send("<handshake/>")
        return self

    def send(self, text):
        self.stream.sendall(text.encode())

    def until(self, words):
        """Read until words come; what came up to there."""
        while words not in self.text:
            data = self.stream.recv(65536)
            assert data, f"the stream has ended; {words!r} did not come, but {self.text[-2000:]!r}"
            self.text += data.decode()
        before, self.text = self.text.split(words, 1)
        return before + words


def what_no_server_says():
    server = BadServer()
    daemon = gateway("victim", server).start()
    server.accept()
    say("a forged sender")
    server.send(f"<iq from='alice@elsewhere.org/x' to='{COMPONENT}' type='set' id='f1'><query xmlns='jabber:iq:register'/></iq>")
    assert "forbidden" in server.until("</iq>")
    server.send(f"<iq to='{COMPONENT}' type='set' id='f2'><query xmlns='jabber:iq:register'/></iq>"
                f"<iq from='localhost' to='{COMPONENT}' type='set' id='f3'><query xmlns='jabber:iq:register'/></iq>")
    assert "not-allowed" in server.until("</iq>")
    assert daemon.ctl("status")["accounts"] == []
    say("a namespace never heard of")
    server.send(f"<iq from='alice@localhost/x' to='{COMPONENT}' type='set' id='n1'><query xmlns='jabber:iq:register'/></iq>")
    server.until("id='gw1'")
    server.send(f"<iq from='alice@localhost/x' to='{COMPONENT}' type='get' id='n2'><x xmlns='never:heard:of'/></iq>"
                f"<message from='alice@localhost/x' to='{COMPONENT}'><x xmlns='never:heard:of'/></message>"
                f"<what from='alice@localhost/x' to='{COMPONENT}' xmlns='never:heard:of'/>"
                f"<presence from='alice@localhost/x' to='{COMPONENT}' type='never'/>"
                f"<iq from='alice@localhost/x' to='{COMPONENT}' type='get' id='n3'><ping xmlns='urn:xmpp:ping'/></iq>")
    while "n2" not in (text := server.until("</iq>")):
        pass
    assert "service-unavailable" in text
    server.until("id='n3'")
    say("10 MB at once")
    try:
        server.send(f"<message from='alice@localhost/x' to='{COMPONENT}'><body>" + "x" * 10_000_000 + "</body></message>")
    except OSError:
        pass
    server.accept()  # it comes back by itself
    server.send(f"<iq from='alice@localhost/x' to='{COMPONENT}' type='get' id='b1'><ping xmlns='urn:xmpp:ping'/></iq>")
    server.until("id='b1'")
    assert daemon.ctl("status")["accounts"][0]["name"] == "alice@localhost"
    server.stream.close()
    daemon.stop()
    daemon.remove()


if __name__ == "__main__":
    if len(installed()) < 2:
        print("prosody or ejabberd is not installed")
        raise SystemExit(77)
    main(what_no_server_says, a_wrong_secret, one_daemon_for_both, users_of_two_servers)
