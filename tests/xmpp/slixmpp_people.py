#!/usr/bin/python3
"""A client library that others wrote, at the server with a made-up world (tests/xmpp/serve): make an
account, run a command with a form and a picture, block and unblock, change the password, end the
account."""

import asyncio
import base64
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import slixmpp
    from slixmpp.exceptions import IqError
    from slixmpp.plugins.xep_0004 import Form
    from slixmpp.xmlstream import ET
except ImportError:
    print("slixmpp is not installed")
    sys.exit(77)

SERVE = pathlib.Path(os.environ.get("top_builddir", "build")) / "tests/xmpp/serve"
ANNA = "annaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@localhost"
COMMANDS = "http://jabber.org/protocol/commands"
BOB = "urn:xmpp:bob"
PATIENCE_S = 20


class Client(slixmpp.ClientXMPP):
    """Logs in; makes the account before when it has a name for it."""

    def __init__(self, user, password, resource, make=False):
        super().__init__(f"{user}@localhost/{resource}", password)
        for plugin in ("xep_0004", "xep_0030", "xep_0050", "xep_0077", "xep_0191", "xep_0221", "xep_0231"):
            self.register_plugin(plugin)
        self["xep_0077"].create_account = make
        self["xep_0077"].force_registration = make
        self.started, self.ended = asyncio.Event(), asyncio.Event()
        self.form, self.conflict, self.stream_error = None, None, None
        self.blocked, self.unblocked = asyncio.Queue(), asyncio.Queue()
        if make:
            # slixmpp 1.8.3 would keep the request for the account back until the login.
            self._always_send_everything = True
            self.add_event_handler("register", self.on_register)
        self.add_event_handler("session_start", lambda _: self.started.set())
        self.add_event_handler("disconnected", lambda _: self.ended.set())
        self.add_event_handler("stream_error", self.on_stream_error)
        self.add_event_handler("blocked", self.blocked.put_nowait)
        self.add_event_handler("unblocked", self.unblocked.put_nowait)

    async def on_register(self, form):
        self.form = form
        for name in ("alice", self.boundjid.user):
            iq = self.Iq()
            iq["type"] = "set"
            iq["register"]["username"] = name
            iq["register"]["password"] = self.password
            try:
                await iq.send()
            except IqError as error:
                self.conflict = error.condition

    def on_stream_error(self, error):
        self.stream_error = error["condition"]

    async def start(self, port):
        self.connect(("127.0.0.1", port), force_starttls=False, disable_starttls=True)
        await within(self.started.wait())


async def within(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def fails(condition, awaitable):
    try:
        await within(awaitable)
    except IqError as error:
        assert error.condition == condition, error.condition
        return error
    raise AssertionError(f"no {condition}")


async def registration(port):
    client = Client("dora", "first", "slix", make=True)
    await client.start(port)
    assert set(client.form["register"]["fields"]) == {"username", "password"}, client.form
    assert client.form["register"]["instructions"], client.form
    assert client.conflict == "conflict", client.conflict
    info = await within(client["xep_0030"].get_info(jid="localhost"))
    for feature in ("jabber:iq:register", COMMANDS, BOB, "urn:xmpp:blocking", "urn:xmpp:invisible:1"):
        assert feature in info["disco_info"]["features"], feature
    return client


async def send(client, node, action=None, session=None, values=None, kind="submit"):
    form = None
    if values is not None:
        form = Form()
        form["type"] = kind
        for name, value in values.items():
            form.add_field(var=name, value=value)
    return await within(client["xep_0050"].send_command(
        "localhost", node, action=action, payload=form, sessionid=session))


async def commands(client):
    items = await within(client["xep_0050"].get_commands("localhost", local=False))
    nodes = [item[1] for item in items["disco_items"]["items"]]
    assert "invite" in nodes and "hello" in nodes, nodes
    result = (await send(client, "hello"))["command"]
    assert result["status"] == "completed" and result["notes"] == [("info", "good morning")], result


async def command_with_form(client):
    first = (await send(client, "invite"))["command"]
    assert first["status"] == "executing" and "complete" in first["actions"], first
    fields = first["form"].get_fields()
    assert fields["name"]["required"] and fields["kind"]["options"][1]["value"] == "many", first
    session = first["sessionid"]

    # What is missing or none of the choices is refused, and the form stays open.
    error = await fails("bad-request", send(client, "invite", "complete", session, {"kind": "many"}))
    assert "Your name" in error.iq["error"]["text"], error.iq
    assert error.iq.xml.find(f".//{{{COMMANDS}}}bad-payload") is not None, error.iq
    await fails("bad-request", send(client, "invite", "complete", session, {"name": "Dora", "kind": "few"}))
    await fails("bad-request", send(client, "invite", "complete", session))
    await fails("bad-request", send(client, "invite", "prev", session))
    await fails("bad-request", send(client, "hello", "complete", session, {"name": "Dora"}))

    done = await send(client, "invite", "complete", session, {"name": "Dora", "kind": "many"})
    result = done["command"]
    assert result["status"] == "completed" and result["sessionid"] == session, result
    assert result["notes"] == [("info", "here is your invitation")], result
    assert result["form"]["type"] == "result", result
    assert result["form"].get_fields()["link"]["value"] == "tacet:abc", result
    # Done is done.
    await fails("bad-request", send(client, "invite", "complete", session, {"name": "Dora"}))
    return result


async def picture(client, result):
    field = result["form"].get_fields()["picture"]
    media = field["media"]
    assert (media["width"], media["height"]) == ("2", "1"), media
    uri = media["uris"][0]
    assert uri["type"] == "image/png" and uri["value"].startswith("cid:sha1+"), uri
    cid = uri["value"][len("cid:"):]
    data = result.xml.find(f"{{{BOB}}}data")
    assert data is not None and data.get("cid") == cid and data.get("max-age") == "0", ET.tostring(result.xml)
    content = base64.b64decode(data.text)
    assert cid == f"sha1+{hashlib.sha1(content).hexdigest()}@bob.xmpp.org"
    again = await within(client["xep_0231"].get_bob("localhost", cid, cached=False))
    assert again["bob"]["data"] == content and again["bob"]["type"] == "image/png"
    return cid


async def canceling(client):
    session = (await send(client, "invite"))["command"]["sessionid"]
    result = (await send(client, "invite", "cancel", session))["command"]
    assert result["status"] == "canceled" and result["sessionid"] == session, result
    await fails("bad-request", send(client, "invite", "cancel", session))
    session = (await send(client, "invite"))["command"]["sessionid"]
    result = (await send(client, "invite", "execute", session, {}, kind="cancel"))["command"]
    assert result["status"] == "canceled", result
    # Four forms may be open: the fifth closes the first.
    sessions = [(await send(client, "invite"))["command"]["sessionid"] for _ in range(5)]
    await fails("bad-request", send(client, "invite", "cancel", sessions[0]))
    for session in sessions[1:]:
        await send(client, "invite", "cancel", session)


async def privacy(port, client, cid):
    """Neither forms nor pictures are another user's."""
    other = Client("bob", "secret", "slix")
    await other.start(port)
    session = (await send(client, "invite"))["command"]["sessionid"]
    await fails("bad-request", send(other, "invite", "complete", session, {"name": "Bob", "kind": "once"}))
    await fails("item-not-found", other["xep_0231"].get_bob("localhost", cid, cached=False))
    await send(client, "invite", "cancel", session)
    other.disconnect(wait=1)
    await within(other.ended.wait())


async def blocking(client):
    items = (await within(client["xep_0191"].get_blocked()))["blocklist"]["items"]
    assert not items, items
    await within(client["xep_0191"].block(ANNA))
    assert (await within(client.blocked.get()))["block"]["items"] == {slixmpp.JID(ANNA)}
    items = (await within(client["xep_0191"].get_blocked()))["blocklist"]["items"]
    assert items == {slixmpp.JID(ANNA)}, items
    await within(client["xep_0191"].unblock(ANNA))
    assert (await within(client.unblocked.get()))["unblock"]["items"] == {slixmpp.JID(ANNA)}
    await fails("not-acceptable", client["xep_0191"].block("example.net"))


async def end_of_account(port, client):
    await within(client["xep_0077"].change_password("second"))
    again = Client("dora", "second", "again")
    await again.start(port)
    await within(again["xep_0077"].cancel_registration())
    for one in (again, client):
        await within(one.ended.wait())
        assert one.stream_error == "not-authorized", one.stream_error


async def main():
    directory = tempfile.mkdtemp(prefix="tacet-slixmpp-", dir="/tmp")
    server = subprocess.Popen([str(SERVE), directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[1])
        client = await registration(port)
        print("ok registration")
        await commands(client)
        cid = await picture(client, await command_with_form(client))
        print("ok command with form and picture")
        await canceling(client)
        await privacy(port, client, cid)
        print("ok canceling, privacy")
        await blocking(client)
        print("ok blocking")
        await end_of_account(port, client)
        print("ok password and end of account")
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
        shutil.rmtree(directory, ignore_errors=True)


asyncio.run(asyncio.wait_for(main(), 120))
