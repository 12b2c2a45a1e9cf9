#!/usr/bin/python3
"""Tokens (XEP-0484) and SASL2 (XEP-0388) as a client does them, and as a hostile one, at the server
with a made-up world (tests/xmpp/serve), on TCP, over TLS and by WebSocket. What the server says to
each element stands in sasl2.txt."""

import base64
import contextlib
import hashlib
import hmac
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

SERVE = pathlib.Path(os.environ.get("top_builddir", "build")) / "tests/xmpp/serve"
HEADER = "<stream:stream to='localhost'{} version='1.0' xmlns='jabber:client' " \
         "xmlns:stream='http://etherx.jabber.org/streams'>"
FRAMED = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>"
END = b"</stream:features>"
PATIENCE_S = 20
AGENT = "d4565fa7-4d72-4749-b3d3-740edbf87770"
OTHER = "00000000-4d72-4749-b3d3-740edbf87770"


class Client:
    """A connection; says a header by itself."""

    def __init__(self, connection, sender=None):
        self.connection = connection
        connection.settimeout(PATIENCE_S)
        self.got = b""
        self.open(sender)

    def open(self, sender):
        self.say(HEADER.format(f" from='{sender}'" if sender else ""))
        self.features = self.until(END)

    def say(self, text):
        self.connection.sendall(text.encode())

    def more(self):
        chunk = self.connection.recv(65536)
        if not chunk:
            raise EOFError(self.got)
        self.got += chunk

    def until(self, *ends):
        """What comes up to the first of these ends."""
        while not (found := [self.got.index(end) + len(end) for end in ends if end in self.got]):
            self.more()
        said, self.got = self.got[:min(found)], self.got[min(found):]
        return said.decode()

    def authenticate(self, mechanism, message, rest="", agent=AGENT):
        """The answer: <success/>, <challenge/> or <failure/>; after success the features, too."""
        named = f"<user-agent id='{agent}'/>" if agent else ""
        self.say(f"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'><initial-response>"
                 f"{base64.b64encode(message).decode()}</initial-response>{named}{rest}</authenticate>")
        return self.answer()

    def answer(self):
        said = self.until(b"</success>", b"</challenge>", b"</failure>", b"</stream:error>")
        if "<success" in said:
            self.features = self.until(END)
        return said

    def close(self):
        self.connection.close()


class WebSocket(Client):
    """The same, each element a message (RFC 7395)."""

    def open(self, sender):
        key = base64.b64encode(bytes(16)).decode()
        self.connection.sendall((
            "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: xmpp\r\n\r\n").encode())
        self.raw = b""
        while b"\r\n\r\n" not in self.raw:
            self.raw += self.connection.recv(4096)
        self.raw = self.raw.split(b"\r\n\r\n", 1)[1]
        self.say(FRAMED)
        self.features = self.until(END)

    def say(self, text):
        data = text.encode()
        assert len(data) < 65536
        head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else struct.pack("!BBH", 0x81, 0xfe, len(data))
        self.connection.sendall(head + bytes(4) + data)

    def more(self):
        while len(self.raw) < 4 or len(self.raw) < self.length():
            chunk = self.connection.recv(65536)
            if not chunk:
                raise EOFError(self.got)
            self.raw += chunk
        end = self.length()
        start = 4 if self.raw[1] == 126 else 2
        self.got += self.raw[start:end]
        self.raw = self.raw[end:]

    def length(self):
        short = self.raw[1] & 0x7f
        return 4 + struct.unpack("!H", self.raw[2:4])[0] if short == 126 else 2 + short


def token_message(user, token, binding=b""):
    return user.encode() + b"\0" + hmac.digest(token.encode(), b"Initiator" + binding, "sha256")


def checked(said, token, binding=b""):
    """The server knows the token, too."""
    right = base64.b64encode(hmac.digest(token.encode(), b"Responder" + binding, "sha256")).decode()
    assert f"<additional-data>{right}</additional-data>" in said, said
    return said


def token_of(said):
    found = re.search(r"<token xmlns='urn:xmpp:fast:0' expiry='20\d\d-[^']*Z' token='([0-9a-f]{64})'/>", said)
    return found.group(1) if found else None


class World:
    """The server, and ways to it."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen([SERVE, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        word = self.process.stdout.readline().split()
        self.port, self.tls_port, self.web_port = int(word[1]), int(word[3]), int(word[5])

    def client(self, sender=None):
        return contextlib.closing(Client(socket.create_connection(("127.0.0.1", self.port), PATIENCE_S), sender))

    def tls_client(self):
        context = ssl.create_default_context(cafile=next(pathlib.Path(self.folder).glob("ca*.pem")))
        raw = socket.create_connection(("127.0.0.1", self.tls_port), PATIENCE_S)
        return contextlib.closing(Client(context.wrap_socket(raw, server_hostname="localhost")))

    def web_client(self):
        return contextlib.closing(
            WebSocket(socket.create_connection(("127.0.0.1", self.web_port), PATIENCE_S)))

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_S) == 0


ASK = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-{}'/>"
FAST = "<fast xmlns='urn:xmpp:fast:0'{}/>"
BIND = "<bind xmlns='urn:xmpp:bind:0'><tag>t</tag><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>"


def plain(user, password="secret"):
    return b"\0" + user.encode() + b"\0" + password.encode()


def get_token(client, user="alice", kind="NONE", agent=AGENT):
    return token_of(client.authenticate("PLAIN", plain(user), ASK.format(kind), agent))


def refused(client, condition, *args, **more):
    said = client.authenticate(*args, **more)
    assert f"<{condition} " in said and "<failure" in said, said


def check_token(world):
    with world.client() as client:
        token = get_token(client)
        assert token
    with world.client("alice@localhost") as client:
        said = client.authenticate("HT-SHA-256-NONE", token_message("alice", token), FAST.format("") + BIND)
        checked(said, token)
        assert "<bound" in said and "<enabled" in said and not token_of(said), said
        client.say("<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert "id='1'" in client.until(b"/>")
    return token


def check_whose(world, token):
    """Of nobody but this user, client and mechanism; and not to be guessed."""
    message = token_message("alice", token)
    with world.client() as client:
        refused(client, "not-authorized", "HT-SHA-256-NONE", token_message("bob", token), FAST.format(""))
        refused(client, "not-authorized", "HT-SHA-256-NONE", message, FAST.format(""), agent=OTHER)
        refused(client, "not-authorized", "HT-SHA-256-NONE", message, FAST.format(""), agent=None)
        refused(client, "invalid-mechanism", "HT-SHA-256-NONE", message)
    with world.client() as client:
        refused(client, "invalid-mechanism", "HT-SHA-256-EXPR", message, FAST.format(""))
        refused(client, "malformed-request", "HT-SHA-256-NONE", message[:-1], FAST.format(""))
        refused(client, "malformed-request", "HT-SHA-256-NONE", b"\0" + message, FAST.format(""))
        refused(client, "not-authorized", "HT-SHA-256-NONE", message[:-1] + bytes([message[-1] ^ 1]), FAST.format(""))
    with world.client("bob@localhost") as client:
        refused(client, "invalid-authzid", "HT-SHA-256-NONE", message, FAST.format(""))
    with world.client() as client:
        # no token without a name for the client, and none for another mechanism than those that are there
        assert not get_token(client, agent=None)
    with world.client() as client:
        assert not get_token(client, kind="EXPR")
    with world.client() as client:
        checked(client.authenticate("HT-SHA-256-NONE", message, FAST.format("")), token)


def check_count(world, token):
    message = token_message("alice", token)
    for count, good in ((7, True), (7, False), (6, False), (8, True)):
        with world.client() as client:
            said = client.authenticate("HT-SHA-256-NONE", message, FAST.format(f" count='{count}'"))
            assert ("<success" in said) == good, (count, said)
    with world.client() as client:
        for wrong in ("0", "-1", "4294967296", "x"):
            refused(client, "malformed-request", "HT-SHA-256-NONE", message, FAST.format(f" count='{wrong}'"))


def check_rotation(world, token):
    """A new one does not end the old one before it is used."""
    with world.client() as client:
        said = client.authenticate("HT-SHA-256-NONE", token_message("alice", token), FAST.format("") + ASK.format("NONE"))
        newer = token_of(said)
        assert newer and newer != token
    for again in (token, newer):
        with world.client() as client:
            checked(client.authenticate("HT-SHA-256-NONE", token_message("alice", again), FAST.format("")), again)
    with world.client() as client:
        refused(client, "not-authorized", "HT-SHA-256-NONE", token_message("alice", token), FAST.format(""))
    return newer


def check_invalidate(world, token):
    with world.client() as client:
        other = get_token(client, agent=OTHER)
    with world.client() as client:
        said = client.authenticate("HT-SHA-256-NONE", token_message("alice", token), FAST.format(" invalidate='true'"))
        assert not token_of(checked(said, token))
    with world.client() as client:
        refused(client, "not-authorized", "HT-SHA-256-NONE", token_message("alice", token), FAST.format(""))
    with world.client() as client:
        checked(client.authenticate("HT-SHA-256-NONE", token_message("alice", other), FAST.format(""), OTHER), other)


def check_many(world):
    """There is room for so many clients; the first goes."""
    tokens = []
    for number in range(33):
        with world.client() as client:
            tokens.append(get_token(client, "bob", agent=f"agent-{number}"))
    with world.client() as client:
        refused(client, "not-authorized", "HT-SHA-256-NONE", token_message("bob", tokens[0]), FAST.format(""), agent="agent-0")
    with world.client() as client:
        checked(client.authenticate("HT-SHA-256-NONE", token_message("bob", tokens[32]), FAST.format(""), "agent-32"), tokens[32])


def check_password(world):
    """Another password, even the same one again: no token is good any more."""
    with world.client() as client:
        said = client.authenticate("PLAIN", plain("bob"), ASK.format("NONE") + BIND)
        token = token_of(said)
        client.say("<iq type='set' id='new'><query xmlns='jabber:iq:register'><username>bob</username>"
                   "<password>secret</password></query></iq>")
        assert "type='result'" in client.until(b"id='new'", b"/>")
    with world.client() as client:
        refused(client, "not-authorized", "HT-SHA-256-NONE", token_message("bob", token), FAST.format(""))
        assert get_token(client, "bob")


def check_tls(world):
    """Bound to the certificate; such a token is nothing without."""
    with world.tls_client() as client:
        assert "HT-SHA-256-EXPR" in client.features and "HT-SHA-256-ENDP" in client.features
        token = get_token(client, kind="ENDP", agent="tls")
        binding = hashlib.sha256(client.connection.getpeercert(True)).digest()
    message = token_message("alice", token, binding)
    with world.tls_client() as client:
        refused(client, "not-authorized", "HT-SHA-256-NONE", token_message("alice", token), FAST.format(""), agent="tls")
        refused(client, "not-authorized", "HT-SHA-256-ENDP", token_message("alice", token, bytes(32)), FAST.format(""), agent="tls")
        refused(client, "not-authorized", "HT-SHA-256-EXPR", message, FAST.format(""), agent="tls")
        checked(client.authenticate("HT-SHA-256-ENDP", message, FAST.format(""), "tls"), token, binding)
    with world.client() as client:
        refused(client, "invalid-mechanism", "HT-SHA-256-ENDP", message, FAST.format(""), agent="tls")


def check_websocket(world):
    with world.web_client() as client:
        token = get_token(client, agent="web")
    with world.web_client() as client:
        said = client.authenticate("HT-SHA-256-NONE", token_message("alice", token), FAST.format("") + BIND, "web")
        assert "<bound" in checked(said, token)
        client.say("<iq xmlns='jabber:client' type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert "id='1'" in client.until(b"/>")


def check_resumption(world):
    """Inline; what was not acknowledged comes after the features; nobody else's session."""
    resume = "<resume xmlns='urn:xmpp:sm:3' previd='{}' h='{}'/>"
    with world.client() as client:
        said = client.authenticate("PLAIN", plain("alice"), BIND, "resumer")
        jid = re.search(r"identifier>([^<]*)<", said).group(1)
        session = re.search(r" id='(\w{32})'", said).group(1)
        client.say("<iq type='get' id='lost' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        client.until(b"id='lost'")
        # another user, knowing all of it
        with world.client() as thief:
            said = thief.authenticate("PLAIN", plain("bob"), resume.format(session, 0) + BIND, "resumer")
            assert "<item-not-found" in said and "<resumed" not in said and ">bob@localhost/t/" in said, said
        # more acknowledged than was sent
        with world.client() as wrong:
            wrong.say("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>"
                      f"{base64.b64encode(plain('alice')).decode()}</initial-response>"
                      f"{resume.format(session, 99)}{BIND}</authenticate>")
            assert "<undefined-condition" in wrong.until(b"</stream:error>")
        # while the old connection is still there; everything in one write
        with world.client() as again:
            said = again.authenticate("PLAIN", plain("alice"), resume.format(session, 0) + BIND, "resumer")
            assert f"<resumed xmlns='urn:xmpp:sm:3' previd='{session}' h='1'/>" in said, said
            assert "<bound" not in said and f">{jid}<" in said and "lost" not in said, said
            assert "lost" in again.until(b"id='lost'")
            assert "<conflict" in client.until(b"</stream:error>")
            again.say("<iq type='get' id='2' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
            again.until(b"id='2'")


def check_pipelined(world):
    """Header, login and first stanzas in one write; a password that is wrong lets none of them in."""
    login = "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{}</initial-response>{}</authenticate>"
    ping = "<iq type='get' id='p{}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
    for password, good in (("secret", True), ("wrong", False)):
        raw = socket.create_connection(("127.0.0.1", world.port), PATIENCE_S)
        message = base64.b64encode(plain("alice", password)).decode()
        with contextlib.closing(raw):
            raw.sendall((HEADER.format("") + login.format(message, BIND) + ping.format(1) + ping.format(2)).encode())
            raw.settimeout(PATIENCE_S)
            got = b""
            while b"id='p2'" not in got and (chunk := raw.recv(65536)):
                got += chunk
            assert (b"id='p2'" in got) == good == (b"<success" in got), got
            assert good or b"policy-violation" in got, got


def main():
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.closing(World(folder)) as world:
            token = check_token(world)
            check_whose(world, token)
            check_count(world, token)
            check_invalidate(world, check_rotation(world, token))
            check_many(world)
            check_password(world)
            check_tls(world)
            check_websocket(world)
            check_resumption(world)
            check_pipelined(world)
    print("ok")


if __name__ == "__main__":
    sys.exit(main())
