#!/usr/bin/python3
"""What clients say to each other besides text arrives as it was said: receipts, markers, typing,
corrections, reactions, replies, retractions."""

import asyncio
import xml.etree.ElementTree as ET

from lib import Client, Pair, main, say

BODY = "<body>text</body>"
# What goes along, and whether it goes with a text. Each is to arrive, and nothing of it changed.
SAID = (
    ("typing (XEP-0085)", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", False),
    ("request of a receipt (XEP-0184)", "<request xmlns='urn:xmpp:receipts'/>", True),
    ("receipt (XEP-0184)", "<received xmlns='urn:xmpp:receipts' id='one'/>", False),
    ("marker (XEP-0333)", "<displayed xmlns='urn:xmpp:chat-markers:0' id='one'/>", False),
    ("correction (XEP-0308)", "<replace xmlns='urn:xmpp:message-correct:0' id='one'/>", True),
    ("reactions (XEP-0444)",
     "<reactions xmlns='urn:xmpp:reactions:0' id='one'><reaction>\U0001f44b</reaction></reactions>", False),
    ("reply (XEP-0461)", "<reply xmlns='urn:xmpp:reply:0' id='one'/>", True),
    ("retraction (XEP-0424)", "<retract xmlns='urn:xmpp:message-retract:1' id='one'/>", True),
)


def same(one, other):
    return ET.canonicalize(ET.tostring(one)) == ET.canonicalize(ET.tostring(other))


async def what_goes_along_arrives():
    pair = Pair().start()
    alice = await Client(pair.alice, "alice").login()
    bob = await Client(pair.bob, "bob").login()
    heard = []
    bob.add_filter("in", lambda stanza: heard.append(stanza.xml) or stanza)
    await alice.until("sees bob", lambda: alice.sees(pair.bob_id))
    await bob.until("sees alice", lambda: bob.sees(pair.alice_id))
    for number, (what, element, text) in enumerate(SAID):
        wanted = ET.fromstring(element)
        to = pair.bob_id
        alice.send_raw(f"<message to='{to}@localhost' type='chat' id='m{number}'>{BODY if text else ''}{element}</message>")

        def found():
            return [m for m in heard if m.tag.endswith("message") and m.get("id") == f"m{number}"
                    and any(same(child, wanted) for child in m)]
        for _ in range(300):
            if found():
                break
            await asyncio.sleep(0.1)
        assert len(found()) == 1, f"{what}: {[ET.tostring(m) for m in heard]}"
        sender = found()[0].get("from")
        assert sender.startswith(pair.alice_id + "@localhost"), sender
        say(f"{what} has arrived")
    await alice.logout()
    await bob.logout()
    pair.stop()


main(what_goes_along_arrives)
