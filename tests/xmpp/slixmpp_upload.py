#!/usr/bin/python3
"""XEP-0363 with a client library that others wrote, at the server with a made-up world
(tests/xmpp/serve): a file goes up and comes down, nobody else's page gets it, its address does not go
to a contact, and it goes with the account."""

import asyncio
import http.client
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

try:
    import slixmpp
except ImportError:
    print("slixmpp is not installed")
    sys.exit(77)

SERVE = pathlib.Path(os.environ.get("top_builddir", "build")) / "tests/xmpp/serve"
ANNA = "annaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@localhost"
PATIENCE_S = 20
LARGEST = 10 * 1024 * 1024


class Client(slixmpp.ClientXMPP):
    def __init__(self, port):
        super().__init__("alice@localhost/slix", "secret",
                         plugin_config={"feature_mechanisms": {"use_mech": "SCRAM-SHA-256"}})
        for plugin in ("xep_0030", "xep_0004"):
            self.register_plugin(plugin)
        self.stanzas = asyncio.Queue()
        self.started, self.gone = asyncio.Event(), asyncio.Event()
        self.add_event_handler("session_start", lambda _: self.started.set())
        self.add_event_handler("disconnected", lambda _: self.gone.set())
        self.add_event_handler("message", self.stanzas.put_nowait)
        self.add_event_handler("message_error", self.stanzas.put_nowait)
        self.connect(("127.0.0.1", port), force_starttls=False, disable_starttls=True)

    async def slot(self, name, size):
        """The address to put the file at, which is that to get it from."""
        iq = self.make_iq_get(ito="localhost")
        iq.append(slixmpp.ET.Element("{urn:xmpp:http:upload:0}request", {"filename": name, "size": str(size)}))
        slot = (await iq.send()).xml.find("{urn:xmpp:http:upload:0}slot")
        put, get = (slot.find("{urn:xmpp:http:upload:0}" + word).get("url") for word in ("put", "get"))
        assert put == get
        return put


async def within(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_S)


def ask(method, url, body=None, **headers):
    """Status, headers, body; the status is None when the server hangs up."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=PATIENCE_S)
    try:
        connection.request(method, parts.path, body, {"Host": parts.netloc} |
                           {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
        return None, {}, b""
    finally:
        connection.close()


async def up_and_down(client):
    for name, content, shown in (("photo.jpg", os.urandom(50_000), "image/jpeg"), ("a.html", b"<script>", None),
                                 ("a.svg", b"<svg/>", None), ("big.bin", os.urandom(LARGEST), None)):
        url = await client.slot(name, len(content))
        assert (await asyncio.to_thread(ask, "GET", url))[0] == 404
        status, _, _ = await asyncio.to_thread(ask, "PUT", url, content)
        assert status == 201, (name, status)
        status, headers, got = await asyncio.to_thread(ask, "GET", url)
        assert status == 200 and got == content
        # Our own page comes from the same origin: it must not be reached from what was uploaded.
        assert headers["Content-Type"] == (shown or "application/octet-stream")
        assert headers["Content-Disposition"] == ("inline" if shown else "attachment")
        assert headers["Content-Security-Policy"].startswith("sandbox;")
        assert (await asyncio.to_thread(ask, "PUT", url, content))[0] in (404, None)
    print("ok up and down")
    return url


async def refused(client, url):
    at = await client.slot("a.txt", 5)
    evil = {"Origin": "http://evil.example"}
    for method, where, body, headers, wanted in (
            ("PUT", at, b"hello", evil, (403, None)), ("GET", url, None, evil, (403,)),
            ("GET", url, None, {"Sec_Fetch_Site": "cross-site"}, (403,)),
            ("PUT", at, b"hello!", {}, (413, None)), ("PUT", at, b"hell", {}, (413, None)),
            ("PUT", at + "x", b"hello", {}, (404, None)), ("GET", url[:-1], None, {}, (404,)),
            ("GET", url + "/../x", None, {}, (404,)), ("DELETE", url, None, {}, (405,)), ("POST", at, b"hello", {}, (405, None))):
        status, headers, _ = await asyncio.to_thread(ask, method, where, body, **headers)
        assert status in wanted, (method, where, status)
        assert "Access-Control-Allow-Origin" not in headers
    # None of that has used the slot up.
    assert (await asyncio.to_thread(ask, "PUT", at, b"hello"))[0] == 201
    print("ok refused")


async def to_whom(client, url):
    for body in (url, f"look: {url}", url.replace("http:", "aesgcm:") + "#00"):
        client.send_message(mto=ANNA, mbody=body, mtype="chat")
        answer = await within(client.stanzas.get())
        assert answer["type"] == "error" and answer["error"]["condition"] == "not-acceptable", answer
        assert "your own machine" in answer["error"]["text"]
    client.send_message(mto=ANNA, mbody="hello", mtype="chat")
    assert (await within(client.stanzas.get()))["body"] == "hello"
    client.send_message(mto=client.boundjid.bare, mbody=url, mtype="chat")
    assert (await within(client.stanzas.get()))["body"] == url
    print("ok not to contacts")


async def with_the_account(client, url, uploads):
    assert len(list(uploads.iterdir())) == 5
    client.make_iq_set(ito="localhost", sub=remove_query()).send()
    await within(client.gone.wait())
    assert not list(uploads.iterdir())
    assert (await asyncio.to_thread(ask, "GET", url))[0] == 404
    print("ok gone with the account")


def remove_query():
    query = slixmpp.ET.Element("{jabber:iq:register}query")
    slixmpp.ET.SubElement(query, "{jabber:iq:register}remove")
    return query


async def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tacet-slixmpp-", dir="/tmp"))
    uploads = directory / "upload"
    server = subprocess.Popen([str(SERVE), str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=os.environ | {"SERVE_UPLOADS": str(uploads)})
    try:
        client = Client(int(server.stdout.readline().split()[1]))
        await within(client.started.wait())
        client.send_presence()
        info = await client.plugin["xep_0030"].get_info(jid="localhost")
        assert "urn:xmpp:http:upload:0" in info["disco_info"]["features"]
        url = await up_and_down(client)
        await refused(client, url)
        await to_whom(client, url)
        await with_the_account(client, url, uploads)
    finally:
        server.stdin.close()
        assert server.wait(10) == 0
        shutil.rmtree(directory, ignore_errors=True)


asyncio.run(asyncio.wait_for(main(), 120))
