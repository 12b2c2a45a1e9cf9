#!/usr/bin/python3
"""A client library that others wrote, at the server with a made-up world (tests/xmpp/serve):
log in with SCRAM, without TLS and over TLS checked against the CA; roster, presence, messages,
disco, ping, and an error for what the server does not know."""

import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import slixmpp
    from slixmpp.exceptions import IqError
except ImportError:
    print("slixmpp is not installed")
    sys.exit(77)

SERVE = pathlib.Path(os.environ.get("top_builddir", "build")) / "tests/xmpp/serve"
ANNA = "annaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@localhost"
BORIS = "borisssssssssssssssssssssssssssssssssssssssssssssssssss@localhost"
CARL = "carlllllllllllllllllllllllllllllllllllllllllllllllllllll@localhost"
PATIENCE_S = 20


class Client(slixmpp.ClientXMPP):
    """Keeps what comes in queues."""

    def __init__(self, user, password, resource, mechanism):
        super().__init__(f"{user}@localhost/{resource}", password,
                         plugin_config={"feature_mechanisms": {"use_mech": mechanism}})
        for plugin in ("xep_0030", "xep_0092", "xep_0199", "xep_0202"):
            self.register_plugin(plugin)
        self.messages, self.errors = asyncio.Queue(), asyncio.Queue()
        self.present = {}
        self.changed = asyncio.Event()
        self.started, self.refused = asyncio.Event(), asyncio.Event()
        self.add_event_handler("session_start", lambda _: self.started.set())
        self.add_event_handler("failed_auth", lambda _: self.refused.set())
        self.add_event_handler("message", self.messages.put_nowait)
        self.add_event_handler("message_error", self.errors.put_nowait)
        self.add_event_handler("presence", self.on_presence)

    def on_presence(self, presence):
        self.present[presence["from"].full] = (presence["type"], presence["status"])
        self.changed.set()

    async def sees(self, jid, kind, status):
        while self.present.get(jid) != (kind, status):
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), PATIENCE_S)


async def within(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def whole_session(port, mechanism, ca=None):
    client = Client("alice", "secret", "slix", mechanism)
    client.ca_certs = ca
    client.connect(("127.0.0.1", port), force_starttls=ca is not None, disable_starttls=ca is None)
    await within(client.started.wait())
    assert client.boundjid.full == "alice@localhost/slix", client.boundjid.full

    await within(client.get_roster())
    roster = client.client_roster
    assert roster[ANNA]["name"] == "Anna" and roster[ANNA]["subscription"] == "both"
    assert sorted(roster[BORIS]["groups"]) == ["Friends", "Work"]
    assert roster[CARL]["subscription"] == "none" and roster[CARL]["pending_out"]

    client.send_presence(pshow="dnd", pstatus="busy", ppriority=3)
    await client.sees(f"{ANNA}/tacet", "available", "at home")
    await client.sees(f"{BORIS}/tacet", "away", "for lunch")
    await client.sees("alice@localhost/slix", "dnd", "busy")

    client.send_message(mto=ANNA, mbody="grüße 🌒", mtype="chat")
    message = await within(client.messages.get())
    assert (message["from"], message["body"]) == (f"{ANNA}/tacet", "grüße 🌒"), message
    client.send_message(mto="alice@localhost", mbody="note to myself", mtype="chat")
    message = await within(client.messages.get())
    assert (message["from"], message["body"]) == ("alice@localhost/slix", "note to myself"), message
    client.send_message(mto=BORIS, mbody="hello", mtype="chat")
    error = await within(client.errors.get())
    assert error["error"]["condition"] == "resource-constraint", error
    assert "too many messages" in error["error"]["text"], error

    info = await within(client["xep_0030"].get_info(jid="localhost"))
    assert ("server", "im", None, "tacet") in info["disco_info"]["identities"]
    info = await within(client["xep_0030"].get_info(jid=f"{ANNA}/tacet"))
    assert "urn:xmpp:receipts" in info["disco_info"]["features"]
    assert await within(client["xep_0199"].ping("localhost")) is not None
    version = await within(client["xep_0092"].get_version("localhost"))
    assert version["software_version"]["name"] == "tacet"
    await within(client["xep_0202"].get_entity_time("localhost"))
    try:
        await within(client["xep_0030"].get_info(jid="nobody@localhost"))
        raise AssertionError("a stranger has answered")
    except IqError as error:
        assert error.condition == "service-unavailable"

    await within(client.update_roster(ANNA, name="Anna Nova", groups=["Family"]))
    assert client.client_roster[ANNA]["name"] == "Anna Nova"
    await within(client.update_roster(ANNA, name="Anna", groups=["Friends"]))
    ended = asyncio.Event()
    client.add_event_handler("disconnected", lambda _: ended.set())
    client.disconnect(wait=1)
    await within(ended.wait())


async def wrong_password(port):
    client = Client("alice", "wrong", "slix", "SCRAM-SHA-256")
    client.connect(("127.0.0.1", port), force_starttls=False, disable_starttls=True)
    await within(client.refused.wait())
    client.abort()


async def main():
    directory = tempfile.mkdtemp(prefix="tacet-slixmpp-", dir="/tmp")
    server = subprocess.Popen([str(SERVE), directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[1])
        ca = os.path.join(directory, "ca.crt")
        for mechanism, authority in (("SCRAM-SHA-256", None), ("SCRAM-SHA-1", None), ("SCRAM-SHA-256-PLUS", ca),
                                     ("SCRAM-SHA-1-PLUS", ca), ("PLAIN", ca), (None, ca), (None, None)):
            await whole_session(port, mechanism, authority)
            print("ok", mechanism or "its own choice", "over TLS" if authority else "without TLS")
        await wrong_password(port)
        print("ok wrong password")
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
        shutil.rmtree(directory, ignore_errors=True)


asyncio.run(asyncio.wait_for(main(), 120))
