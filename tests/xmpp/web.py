#!/usr/bin/python3
"""The HTTP side of the server with a made-up world (tests/xmpp/serve), as http.client of Python sees
it: the way to the WebSocket (XEP-0156), what is no WebSocket handshake, the files of a web page and
nothing beside them, and nothing at all for the pages of others."""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

SERVE = pathlib.Path(os.environ.get("top_builddir", "build")) / "tests/xmpp/serve"
PATIENCE_S = 20
REL = "urn:xmpp:alt-connections:websocket"
EVIL = {"Origin": "http://evil.example"}
KEY = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
       "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "xmpp"}


def ask(port, path, headers=None, method="GET"):
    """Status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": f"localhost:{port}"} | (headers or {})).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = b"" if answer.status == 101 else answer.read()
    connection.close()
    return answer.status, answer.headers, body


def host_meta(port):
    href = f"ws://localhost:{port}/xmpp-websocket"
    status, headers, body = ask(port, "/.well-known/host-meta.json")
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert {"rel": REL, "href": href} in json.loads(body)["links"]
    status, headers, body = ask(port, "/.well-known/host-meta")
    assert status == 200 and headers["Content-Type"] == "application/xrd+xml"
    links = ElementTree.fromstring(body).findall("{http://docs.oasis-open.org/ns/xri/xrd-1.0}Link")
    assert [(link.get("rel"), link.get("href")) for link in links] == [(REL, href)]
    # The page that the server serves itself may read it, that of someone else not.
    own = f"http://127.0.0.1:{port}"
    status, headers, _ = ask(port, "/.well-known/host-meta", {"Origin": own})
    assert status == 200 and headers["Access-Control-Allow-Origin"] == own
    status, headers, body = ask(port, "/.well-known/host-meta", EVIL)
    assert status == 403 and "Access-Control-Allow-Origin" not in headers and REL.encode() not in body


def handshakes(port):
    def tried(changed):
        return ask(port, "/xmpp-websocket", {k: v for k, v in (KEY | changed).items() if v is not None})
    status, headers, _ = tried({})
    assert status == 101 and headers["Sec-WebSocket-Protocol"] == "xmpp"
    assert headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert "Sec-WebSocket-Extensions" not in headers
    assert tried({"Sec-WebSocket-Protocol": "chat, xmpp", "Connection": "keep-alive, Upgrade"})[0] == 101
    assert tried({"Origin": f"http://localhost:{port}"})[0] == 101
    for changed, wanted in (({"Upgrade": None}, 426), ({"Upgrade": "h2c"}, 426), ({"Connection": "close"}, 426),
                            ({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": None}, 400),
                            ({"Sec-WebSocket-Key": "short"}, 400), ({"Sec-WebSocket-Protocol": None}, 400),
                            ({"Sec-WebSocket-Protocol": "chat"}, 400), (EVIL, 403), ({"Origin": "null"}, 403),
                            ({"Host": "evil.example"}, 403)):
        status, headers, _ = tried(changed)
        assert status == wanted, (changed, status)
        assert "Sec-WebSocket-Accept" not in headers


def files(port):
    status, headers, body = ask(port, "/")
    assert (status, body) == (200, b"<p>hello</p>") and headers["Content-Type"] == "text/html; charset=utf-8"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and f"ws://localhost:{port}" in policy and "*" not in policy
    assert ask(port, "/index.html?x=1")[2] == body
    status, headers, _ = ask(port, "/", method="HEAD")
    assert status == 200 and headers["Content-Length"] == "12"
    status, headers, body = ask(port, "/dist/big.js")
    assert status == 200 and len(body) == 3_000_000 and headers["Content-Type"].startswith("text/javascript")
    for path in ("/missing", "/dist", "/dist/", "//index.html", "/dist//big.js", "/.hidden", "/dist/.hidden", "/link",
                 "/dist/up/secret", "/../secret", "/dist/../../secret", "/%2e%2e/secret", "/dist/%2e%2e/%2e%2e/secret",
                 "/..%2fsecret", "/fifo", "/" + "a" * 200, "/" + "a/" * 2000):
        status, _, body = ask(port, path)
        assert status == 404 and b"secret" not in body, (path, status)
    for method in ("POST", "PUT", "DELETE", "TRACE"):
        assert ask(port, "/", method=method)[0] in (405, 501), method
    assert ask(port, "/", EVIL)[0] == 403
    assert ask(port, "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})[0] == 403
    assert ask(port, "/", {"Host": f"rebound.example:{port}"})[0] == 403


def page(directory):
    web = directory / "web"
    (web / "dist").mkdir(parents=True)
    (web / "index.html").write_text("<p>hello</p>")
    (web / "dist/big.js").write_bytes(b"x" * 3_000_000)
    (directory / "secret").write_text("secret")
    for hidden in (web / ".hidden", web / "dist/.hidden"):
        hidden.write_text("secret")
    (web / "link").symlink_to(directory / "secret")
    (web / "dist/up").symlink_to(directory)
    os.mkfifo(web / "fifo")
    return web


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        environment = os.environ | {"SERVE_FILES": str(page(directory))}
        with subprocess.Popen([str(SERVE), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=environment) as server:
            port = int(server.stdout.readline().split()[5])
            try:
                host_meta(port)
                handshakes(port)
                files(port)
            finally:
                server.stdin.close()
                assert server.wait(PATIENCE_S) == 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
