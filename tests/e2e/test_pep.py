#!/usr/bin/python3
"""What people publish (XEP-0163), from daemon to daemon: nick, avatar, vCard, OMEMO keys."""

import asyncio
import base64
import hashlib
import random
import xml.etree.ElementTree as ET

from slixmpp.exceptions import IqError, IqTimeout

from lib import Client, Pair, main, say, wait_until

NICK = "http://jabber.org/protocol/nick"
METADATA = "urn:xmpp:avatar:metadata"
DATA = "urn:xmpp:avatar:data"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
BUNDLE = "eu.siacs.conversations.axolotl.bundles:4711"
BOOKMARKS = "urn:xmpp:bookmarks:1"
PUBSUB_EVENT = "{http://jabber.org/protocol/pubsub#event}"
# Longer than a message between daemons can be, even before base64.
PHOTO_BYTES = 100_000
PREKEYS = 100


class Person(Client):
    """A client that wants nick, avatar and OMEMO devices of its contacts, and keeps what it gets."""

    def __init__(self, daemon, user, resource="test"):
        super().__init__(daemon, user, resource=resource)
        self.events = []   # (bare JID, node, what, id, text of the payload)
        self.photos = {}   # bare JID -> hash in the last presence (XEP-0153)
        for plugin in ("xep_0054", "xep_0060", "xep_0115", "xep_0163"):
            self.register_plugin(plugin)
        for node in (NICK, METADATA, DEVICES, BOOKMARKS):
            self.plugin["xep_0163"].add_interest(node)
        self.plugin["xep_0030"].add_feature("urn:xmpp:message-correct:0")
        self.register_handler_of("message", self.on_event)
        self.register_handler_of("presence", self.on_photo)

    def register_handler_of(self, name, function):
        from slixmpp.xmlstream.handler import Callback
        from slixmpp.xmlstream.matcher import MatchXPath
        self.register_handler(Callback(f"pep {name}", MatchXPath("{jabber:client}" + name), function))

    def on_event(self, message):
        items = message.xml.find(f"{PUBSUB_EVENT}event/{PUBSUB_EVENT}items")
        for item in items if items is not None else ():
            text = "".join(item.itertext())
            self.note(self.events.append, (message["from"].bare, items.get("node"),
                                           item.tag.removeprefix(PUBSUB_EVENT), item.get("id"), text))

    def on_photo(self, presence):
        photo = presence.xml.find("{vcard-temp:x:update}x/{vcard-temp:x:update}photo")
        if photo is not None:
            self.note(self.photos.__setitem__, presence["from"].bare, photo.text or "")

    def has_event(self, contact, node, text=None):
        return any(e[0] == f"{contact}@localhost" and e[1] == node and (text is None or e[4] == text)
                   for e in self.events)

    async def publish(self, node, item, payload):
        await self.plugin["xep_0060"].publish(self.boundjid.bare, node, id=item, payload=payload, timeout=20)

    async def items(self, contact, node):
        """Payloads of the node; the name of the stanza error if there is one."""
        try:
            answer = await self.plugin["xep_0060"].get_items(f"{contact}@localhost", node, timeout=100)
            return [item["payload"] for item in answer["pubsub"]["items"]]
        except IqError as error:
            return error.condition

    async def vcard(self, contact):
        try:
            answer = await self.plugin["xep_0054"].get_vcard(f"{contact}@localhost", cached=False, timeout=100)
            return answer["vcard_temp"]
        except IqError as error:
            return error.condition

    async def features_of(self, contact):
        answer = await self.plugin["xep_0030"].get_info(f"{contact}@localhost/tacet", timeout=20, cached=False)
        return set(answer["disco_info"]["features"])


def element(tag, ns, text=None, **attributes):
    made = ET.Element(f"{{{ns}}}{tag}", attributes)
    made.text = text
    return made


class Avatar:
    def __init__(self, seed):
        self.bytes = b"\x89PNG\r\n\x1a\n" + random.Random(seed).randbytes(PHOTO_BYTES)
        self.hash = hashlib.sha1(self.bytes).hexdigest()
        self.base64 = base64.b64encode(self.bytes).decode()

    async def publish(self, person):
        await person.publish(DATA, self.hash, element("data", DATA, self.base64))
        metadata = element("metadata", METADATA)
        metadata.append(element("info", METADATA, bytes=str(len(self.bytes)), id=self.hash, type="image/png"))
        await person.publish(METADATA, self.hash, metadata)


def bundle(seed):
    ns = "eu.siacs.conversations.axolotl"
    rng = random.Random(seed)
    made = element("bundle", ns)
    prekeys = element("prekeys", ns)
    for number in range(PREKEYS):
        prekeys.append(element("preKeyPublic", ns, base64.b64encode(rng.randbytes(33)).decode(),
                               preKeyId=str(number)))
    made.append(prekeys)
    return made


def devices(*ids):
    ns = "eu.siacs.conversations.axolotl"
    made = element("list", ns)
    for number in ids:
        made.append(element("device", ns, id=str(number)))
    return made


async def settled(pair, user, node, contact, expected):
    """Wait until the user's client would be answered so."""
    for _ in range(60):
        found = await user.items(contact, node)
        if isinstance(found, list) and len(found) == expected:
            return found
        await asyncio.sleep(1)
    raise AssertionError(f"{node} of the contact: {found}")


async def log_in(pair):
    alice = await Person(pair.alice, "alice").login()
    bob = await Person(pair.bob, "bob").login()
    await alice.until("sees bob", lambda: alice.sees(pair.bob_id))
    await bob.until("sees alice", lambda: bob.sees(pair.alice_id))
    return alice, bob


async def people_publish():
    pair = Pair().start()
    try:
        alice, bob = await log_in(pair)
        photo = Avatar(1)
        await nick_and_photo(pair, alice, bob, photo)
        await keys(pair, alice, bob)
        await what_is_private_stays(pair, alice, bob)
        await gone_and_still_known(pair, alice, bob, photo)
        alice = await changed_meanwhile(pair, bob)
        await unseen(pair, alice, bob)
        await removed(pair, alice, bob)
    finally:
        pair.stop()


async def nick_and_photo(pair, alice, bob, photo):
    await alice.publish(NICK, "current", element("nick", NICK, "Al Ice"))
    took = await bob.until("nick", lambda: bob.has_event(pair.alice_id, NICK, "Al Ice"))
    say(f"a nick arrived after {took:.2f} s")
    await alice.plugin["xep_0054"].publish_vcard(vcard=alice.plugin["xep_0054"].make_vcard())
    await photo.publish(alice)
    took = await bob.until("metadata", lambda: bob.has_event(pair.alice_id, METADATA))
    found = await settled(pair, bob, DATA, pair.alice_id, 1)
    assert found[0].text == photo.base64, "another photo"
    say(f"a photo of {PHOTO_BYTES} bytes: announced after {took:.2f} s, and there")
    await bob.until("photo in presence", lambda: bob.photos.get(f"{pair.alice_id}@localhost") == photo.hash)
    vcard = await bob.vcard(pair.alice_id)
    assert vcard["PHOTO"]["BINVAL"] == photo.bytes, "the vCard has another photo"
    features = await bob.features_of(pair.alice_id)
    assert "urn:xmpp:message-correct:0" in features, features
    assert not any(f.endswith("+notify") for f in features), features


async def keys(pair, alice, bob):
    await alice.publish(BUNDLE, "current", bundle(1))
    await alice.publish(DEVICES, "current", devices(4711))
    await bob.until("devices", lambda: bob.has_event(pair.alice_id, DEVICES))
    found = await settled(pair, bob, BUNDLE, pair.alice_id, 1)
    assert len(found[0][0]) == PREKEYS
    # What is published anew is what a contact gets from then on.
    await alice.publish(BUNDLE, "current", bundle(2))
    wanted = bundle(2)[0][0].text
    for _ in range(40):
        found = await bob.items(pair.alice_id, BUNDLE)
        if found[0][0][0].text == wanted:
            return
        await asyncio.sleep(0.5)
    raise AssertionError("the old bundle still")


async def what_is_private_stays(pair, alice, bob):
    bookmark = element("conference", BOOKMARKS, name="secret room")
    await alice.publish(BOOKMARKS, "room@conference.localhost", bookmark)
    assert await bob.items(pair.alice_id, BOOKMARKS) == "item-not-found"
    assert await bob.items(pair.alice_id, "urn:none") == "item-not-found"
    # To nobody but contacts: an id that is none is as one that does not exist.
    assert await bob.items("a" * 56, NICK) == "service-unavailable"
    assert not bob.has_event(pair.alice_id, BOOKMARKS)


async def gone_and_still_known(pair, alice, bob, photo):
    """The contact logs out, and then its daemon goes: photo and keys are there still."""
    await alice.logout()
    await bob.until("alice is gone", lambda: bob.sees(pair.alice_id, ""))
    for _ in range(2):
        assert (await bob.items(pair.alice_id, DATA))[0].text == photo.base64
        assert len(await bob.items(pair.alice_id, BUNDLE)) == 1
        assert (await bob.vcard(pair.alice_id))["PHOTO"]["BINVAL"] == photo.bytes
        pair.alice.stop()
    pair.alice.start()
    # A client that comes meanwhile is told the last of it.
    other = await Person(pair.bob, "bob", "other").login()
    await other.until("last nick", lambda: other.has_event(pair.alice_id, NICK, "Al Ice"))
    await other.logout()


async def changed_meanwhile(pair, bob):
    """What is published while the two are apart arrives when they are linked."""
    pair.bob.stop()
    alice = await Person(pair.alice, "alice").login()
    await alice.publish(NICK, "current", element("nick", NICK, "New Name"))
    await alice.publish(METADATA, "none", element("metadata", METADATA))
    pair.bob.start()
    bob.__init__(pair.bob, "bob")
    await bob.login()
    took = await bob.until("new nick", lambda: bob.has_event(pair.alice_id, NICK, "New Name"))
    say(f"what was published meanwhile arrived {took:.1f} s after login")
    await bob.until("no photo", lambda: bob.photos.get(f"{pair.alice_id}@localhost") == "")
    return alice


async def unseen(pair, alice, bob):
    """One who is invisible publishes, and nobody hears of it; visible again, they do."""
    invisible = alice.make_iq_set(sub=element("invisible", "urn:xmpp:invisible:1"))
    await invisible.send()
    await bob.until("alice is gone", lambda: bob.sees(pair.alice_id, ""))
    await alice.publish(NICK, "current", element("nick", NICK, "Unseen"))
    await asyncio.sleep(10)
    assert not bob.has_event(pair.alice_id, NICK, "Unseen")
    assert (await bob.items(pair.alice_id, NICK))[0].text == "New Name"
    await alice.make_iq_set(sub=element("visible", "urn:xmpp:invisible:1")).send()
    alice.send_presence()
    await bob.until("seen again", lambda: bob.has_event(pair.alice_id, NICK, "Unseen"))


async def removed(pair, alice, bob):
    """Who is removed as a contact gets nothing any more, and what was known goes."""
    pair.alice.ctl("contact", "remove", pair.bob_id)
    await bob.until("alice is gone", lambda: bob.sees(pair.alice_id, ""))
    await alice.publish(NICK, "current", element("nick", NICK, "After"))
    assert await alice.items(pair.bob_id, NICK) == "service-unavailable"
    await asyncio.sleep(10)
    assert not bob.has_event(pair.alice_id, NICK, "After")
    pair.bob.ctl("contact", "remove", pair.alice_id)
    assert await bob.items(pair.alice_id, NICK) == "service-unavailable"
    pair.bob.ctl("contact", "add", pair.alice_id)
    assert await bob.items(pair.alice_id, NICK) == "remote-server-timeout"


main(people_publish)
