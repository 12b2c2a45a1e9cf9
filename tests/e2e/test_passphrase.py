#!/usr/bin/python3
"""The key of the databases behind a passphrase: the daemon waits, says so, does nothing else, takes no
wrong one, and is all there after the right one, by tacetctl or from a file; without the key it does not
start, and changes nothing. Needs no network."""

import pathlib
import socket
import tempfile

from lib import Daemon, Refused, say, without_network


def refused(daemon, *words, stdin=""):
    try:
        daemon.ctl(*words, stdin=stdin)
    except Refused as why:
        return str(why)
    raise AssertionError(f"{words}: was not refused")


def port_open(daemon):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", daemon.port)) == 0


def give(daemon, command, passphrase):
    return daemon.ctl(*command.split(), "--passphrase-file", "-", stdin=passphrase + "\n")


def waits_and_is_unlocked(daemon, own_id):
    give(daemon, "passphrase set", "correct horse")
    assert not daemon.ctl("status").get("locked")
    daemon.kill()
    key = (daemon.directory / "state" / "store.key").read_bytes()
    assert key[12] == 1 and len(key) == 80, key
    daemon.start()
    assert daemon.ctl("status")["locked"] is True
    assert not port_open(daemon)
    assert "locked" in refused(daemon, "account", "list")
    assert "locked" in refused(daemon, "archive")
    assert "locked" in refused(daemon, "passphrase", "remove")
    assert "passphrase" in refused(daemon, "unlock", "--passphrase-file", "-", stdin="wrong horse\n")
    assert daemon.ctl("status")["locked"] is True
    give(daemon, "unlock", "correct horse")
    assert not daemon.ctl("status").get("locked") and port_open(daemon)
    assert daemon.ctl("id")["id"] == own_id
    refused(daemon, "unlock", "--passphrase-file", "-", stdin="correct horse\n")
    daemon.stop()


def by_a_file(daemon, own_id):
    file = daemon.directory / "passphrase"
    daemon.settings["store-passphrase-file"] = file
    file.write_text("wrong\n")
    try:
        daemon.start()
        raise AssertionError("started with a wrong passphrase")
    except AssertionError as why:
        assert "wrong passphrase" in str(why), why
    file.write_text("correct horse\n")
    daemon.start()
    assert daemon.ctl("id")["id"] == own_id
    daemon.ctl("passphrase", "remove")
    daemon.stop()
    del daemon.settings["store-passphrase-file"]
    daemon.start()
    assert daemon.ctl("id")["id"] == own_id
    daemon.stop()


def without_the_key(daemon, own_id):
    state = daemon.directory / "state"
    key = (state / "store.key").read_bytes()
    before = (state / "tacet.db").read_bytes()
    for content, words in ((None, "store.key is missing"), (key[:-1] + bytes([key[-1] ^ 1]), "another key"),
                           (b"", "damaged"), (key[:20], "damaged")):
        (state / "store.key").unlink()
        if content is not None:
            (state / "store.key").write_bytes(content)
        try:
            daemon.start()
            raise AssertionError("started without the key")
        except AssertionError as why:
            assert words in str(why), (words, why)
        assert (state / "tacet.db").read_bytes() == before
        assert (state / "store.key").exists() == (content is not None)
        (state / "store.key").write_bytes(key)
    daemon.start()
    assert daemon.ctl("id")["id"] == own_id
    daemon.stop()


def elsewhere(daemon, own_id):
    other = pathlib.Path(tempfile.mkdtemp(prefix="tacet-stick-")) / "key"
    (daemon.directory / "state" / "store.key").rename(other)
    daemon.settings["store-key-file"] = other
    daemon.start()
    assert daemon.ctl("id")["id"] == own_id
    assert not (daemon.directory / "state" / "store.key").exists()
    daemon.stop()
    other.unlink()
    other.parent.rmdir()


if __name__ == "__main__":
    it = Daemon("ann", tor_extra_file=without_network()).start()
    its_id = it.account("ann")
    for test in (waits_and_is_unlocked, by_a_file, without_the_key, elsewhere):
        test(it, its_id)
        say(test.__name__.replace("_", " "))
    it.remove()
