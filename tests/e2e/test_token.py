#!/usr/bin/python3
"""A token (XEP-0484) of the real daemon: kept over a kill, on the disk only sealed, gone with the password.
Needs no network."""

import contextlib
import pathlib
import socket
import sys

from lib import Daemon, say, without_network

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "xmpp"))
from sasl2 import BIND, FAST, Client, checked, get_token, plain, refused, token_message  # noqa: E402

MECHANISM = "HT-SHA-256-NONE"


def connect(daemon):
    return contextlib.closing(Client(socket.create_connection(("127.0.0.1", daemon.port), 20)))


def main():
    daemon = Daemon("token", tor_extra_file=without_network())
    daemon.start()
    daemon.account("alice")
    with connect(daemon) as client:
        token = get_token(client)
    assert token
    daemon.kill()
    for path in (daemon.directory / "state").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert token.encode() not in data and bytes.fromhex(token) not in data, f"the token stands in {path}"
    daemon.start()
    with connect(daemon) as client:
        checked(client.authenticate(MECHANISM, token_message("alice", token), FAST.format("") + BIND), token)
    say("after a kill the token is good, and none of the files shows it")
    daemon.ctl("account", "passwd", "alice", "--password-file", "-", stdin="another\n")
    with connect(daemon) as client:
        refused(client, "not-authorized", MECHANISM, token_message("alice", token), FAST.format(""))
    with connect(daemon) as client:
        assert "<success" in client.authenticate("PLAIN", plain("alice", "another"))
    say("after a new password it is not")
    daemon.stop()
    daemon.remove()
    say("done")


main()
