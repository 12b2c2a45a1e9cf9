#!/usr/bin/python3
"""Messages that are taken back, an identity that runs in two places, and the end of an account."""

import asyncio
import shutil
import sqlite3
import tempfile

from lib import Client, Daemon, Pair, Refused, main, say

# An identity that runs twice shows when its two daemons have taken the session from each other some times.
TWICE_S = 600


async def login(pair):
    alice, bob = Client(pair.alice, "alice"), Client(pair.bob, "bob")
    await asyncio.gather(alice.login(), bob.login())
    await asyncio.gather(alice.until("sees bob", lambda: alice.sees(pair.bob_id)),
                         bob.until("sees alice", lambda: bob.sees(pair.alice_id)))
    return alice, bob


def outbox(daemon):
    return daemon.ctl("outbox")["messages"]


def send(client, contact, number, body):
    message = client.make_message(mto=f"{contact}@localhost", mbody=body, mtype="chat")
    message["id"] = number
    message.send()


def retract(client, contact, number):
    client.send_raw(f"<message to='{contact}@localhost' type='chat' id='r-{number}'>"
                    f"<retract xmlns='urn:xmpp:message-retract:1' id='{number}'/></message>")


async def messages_are_taken_back():
    pair = Pair()
    try:
        pair.start()
        alice, bob = await login(pair)
        await bob.logout()
        pair.bob.stop()
        await alice.until("sees bob go", lambda: alice.sees(pair.bob_id, ""))
        # A logout was enough for that.
        await alice.until("knows that the link is gone", lambda: pair.alice.contact_state(pair.bob_id) != "linked")
        for number in ("m1", "m2", "m3", "m4"):
            send(alice, pair.bob_id, number, f"words of {number}")
        await alice.until("they wait", lambda: len(outbox(pair.alice)) == 4)
        assert all(m["name"] == "Bob" and not m["on_its_way"] and "words" not in str(m) for m in outbox(pair.alice))
        # In the client, and by hand; also after a restart.
        retract(alice, pair.bob_id, "m1")
        await alice.until("one is taken back", lambda: len(outbox(pair.alice)) == 3)
        pair.alice.ctl("cancel", "Bob", outbox(pair.alice)[1]["number"])
        await alice.until("is told", lambda: alice.errors)
        assert alice.errors[0]["id"] == "m3", alice.errors
        await alice.logout()
        pair.alice.stop()
        pair.alice.start()
        alice = await Client(pair.alice, "alice").login()
        retract(alice, pair.bob_id, "m4")
        # It may have left before the restart: so the contact is told.
        await alice.until("what it means is gone, and it waits itself", lambda: len(outbox(pair.alice)) == 2)
        pair.bob.start()
        bob = await Client(pair.bob, "bob").login()
        await bob.until("has what is left", lambda: bob.messages)
        await alice.until("all is acknowledged", lambda: not outbox(pair.alice))
        await asyncio.sleep(2)
        assert [body for _, body in bob.messages] == ["words of m2"], bob.messages
        say("two were taken back by the client, one by hand; one of four arrived")
        await asyncio.gather(alice.logout(), bob.logout())
    finally:
        pair.stop()


async def an_identity_runs_twice():
    pair = Pair()
    double = Daemon("double")
    backup, passphrase = pair.alice.directory / "backup", pair.alice.directory / "passphrase"
    passphrase.write_text("correct horse\n")
    try:
        pair.start()
        alice, bob = await login(pair)
        pair.alice.ctl("backup", backup, "--passphrase-file", passphrase)
        double.start()
        assert double.ctl("restore", backup, "--passphrase-file", passphrase)["id"] == pair.alice_id
        daemons = {pair.alice: alice, double: await Client(double, "alice").login()}
        took = await alice.until("it is noticed", lambda: any(d.ctl("status")["accounts"][0]["conflict"]
                                                              for d in daemons), TWICE_S)
        say(f"an identity that runs twice was noticed after {took:.0f} s")
        for daemon, client in daemons.items():
            if daemon.ctl("status")["accounts"][0]["conflict"]:
                await client.until("is told", lambda c=client: [b for j, b in c.messages if j == "localhost"])
                told = [body for jid, body in client.messages if jid == "localhost"]
                assert len(told) == 1 and "Another daemon" in told[0], told
        assert not pair.bob.ctl("status")["accounts"][0]["conflict"]
        for client in (*daemons.values(), bob):
            await client.logout()
    finally:
        pair.stop()
        double.stop()
        double.remove()


def files_have(daemon, data):
    return any(data in path.read_bytes() for path in (daemon.directory / "state").glob("*.db*"))


def sealed_values(daemon, account):
    """What the database holds, sealed, of the account of this number, its settings and contacts; read from a
    copy, for the daemon keeps others out."""
    with tempfile.TemporaryDirectory() as copy:
        for path in (daemon.directory / "state").glob("tacet.db*"):
            shutil.copy(path, copy)
        database = sqlite3.connect(f"{copy}/tacet.db")
        rows = [row for query in ("SELECT private_key FROM account WHERE id = ?",
                                  "SELECT value FROM setting WHERE account = ?",
                                  "SELECT public_key, secret, verification FROM contact WHERE account = ?")
                for row in database.execute(query, (account,))]
        database.close()
    # Shorter ones could stand in the files by chance.
    return {value for row in rows for value in row if len(value) >= 32}


async def an_account_ends():
    pair = Pair()
    try:
        pair.start()
        pair.alice.account("other")
        alice, bob = await login(pair)
        values, others = sealed_values(pair.alice, 1), sealed_values(pair.alice, 2)
        assert len(values) >= 4 and others, (len(values), len(others))
        assert all(files_have(pair.alice, value) for value in values | others)
        try:
            pair.alice.ctl("account", "remove", "other")
            raise AssertionError("it was removed without asking")
        except Refused as why:
            assert "--yes" in str(why), why
        alice.register_plugin("xep_0077")
        await alice.plugin["xep_0077"].cancel_registration()
        await asyncio.wait_for(alice.ended.wait(), 10)
        took = await bob.until("sees alice go", lambda: bob.sees(pair.alice_id, ""))
        say(f"the contact saw the end of an account after {took:.1f} s")
        assert [a["name"] for a in pair.alice.ctl("account", "list")["accounts"]] == ["other"]
        assert not any(files_have(pair.alice, value) for value in values)
        assert all(files_have(pair.alice, value) for value in others)
        again = Client(pair.alice, "alice")
        again.connect(("127.0.0.1", pair.alice.port))
        await again.until("is not let in", lambda: again.failure)
        again.abort()
        pair.alice.ctl("account", "remove", "other", "--yes")
        assert not pair.alice.ctl("account", "list")["accounts"]
        assert not any(files_have(pair.alice, value) for value in others)
        await bob.logout()
    finally:
        pair.stop()


if __name__ == "__main__":
    main(messages_are_taken_back, an_account_ends, an_identity_runs_twice)
