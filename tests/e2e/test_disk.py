#!/usr/bin/python3
"""A disk that is full, and one that can only be read: the user is told, nothing that was accepted is lost,
and the daemon is well again by itself. It mounts file systems of its own, in a mount namespace that ends
with it, and is skipped where that is not allowed."""

import asyncio
import os
import pathlib
import subprocess
import sys

from lib import Client, Pair, Refused, main, say, wait_until

SIZE_MIB = 24
# Messages that are sent before, while and after the disk is full.
COUNT = 20


def enter_namespace():
    """Become a process whose mounts nobody else sees."""
    if os.environ.get("TACET_OWN_MOUNTS"):
        return
    probe = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    if probe.returncode != 0:
        print("no mounts of one's own here")
        sys.exit(77)
    os.execvpe("unshare", ["unshare", "--mount", sys.executable, *sys.argv], os.environ | {"TACET_OWN_MOUNTS": "1"})


def mount_state(daemon, *words):
    state = pathlib.Path(daemon.settings["state-dir"])
    state.mkdir(mode=0o700)
    subprocess.run(["mount", *words, str(state)], check=True)
    state.chmod(0o700)
    return state


def fill(state):
    """Take all the room that there is, to the last byte."""
    with open(state / "filler", "wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                pass


def trouble(daemon):
    return daemon.ctl("status")["trouble"]


async def enter(pair):
    """Both log in and see each other."""
    alice, bob = Client(pair.alice, "alice"), Client(pair.bob, "bob")
    await asyncio.gather(alice.login(), bob.login())
    await asyncio.gather(alice.until("sees bob", lambda: alice.sees(pair.bob_id)),
                         bob.until("sees alice", lambda: bob.sees(pair.alice_id)))
    return alice, bob


def texts(client, sender):
    return [body for jid, body in client.messages if jid == f"{sender}@localhost"]


def notices(client):
    return [body for jid, body in client.messages if jid == "localhost"]


async def a_full_disk():
    pair = Pair()
    state = mount_state(pair.bob, "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "none")
    try:
        pair.start()
        alice, bob = await enter(pair)
        for i in range(COUNT):
            alice.say_to(pair.bob_id, f"before {i}")
            bob.say_to(pair.alice_id, f"before {i}")
        await bob.until("has them", lambda: len(texts(bob, pair.alice_id)) == COUNT)
        await alice.until("has them", lambda: len(texts(alice, pair.bob_id)) == COUNT)

        fill(state)
        refused = 0
        for i in range(COUNT):
            # Some may still fit into what the log has; each is accepted or comes back.
            bob.say_to(pair.alice_id, f"full {i}")
            alice.say_to(pair.bob_id, f"full {i}")
        await bob.until("is refused", lambda: bob.errors)
        wait_until("the status says so", lambda: "full" in trouble(pair.bob))
        await bob.until("is told", lambda: any("disk is full" in text for text in notices(bob)))
        await asyncio.sleep(5)
        for error in bob.errors:
            assert error["error"]["condition"] == "resource-constraint", error
            assert "disk is full" in error["error"]["text"], error
        refused = len(bob.errors)
        arrived = len(texts(bob, pair.alice_id))
        say(f"{refused} of {COUNT} came back, {arrived - COUNT} of {COUNT} arrived while the disk was full")
        assert pair.bob.process.poll() is None, pair.bob.log[-3000:]

        (state / "filler").unlink()
        took = wait_until("it is over", lambda: not trouble(pair.bob), 60)
        say(f"there was room again; noticed after {took:.1f} s")
        await bob.until("is told so", lambda: any("stored again" in text for text in notices(bob)))
        took = await bob.until("has all", lambda: len(texts(bob, pair.alice_id)) >= 2 * COUNT)
        say(f"all that waited came after {took:.1f} s")
        bob.say_to(pair.alice_id, "after")
        await alice.until("has the last", lambda: "after" in texts(alice, pair.bob_id))
        await asyncio.sleep(3)
        came_back = {error["id"] for error in bob.errors}
        assert len(came_back) == refused
        want = [f"before {i}" for i in range(COUNT)] + [f"full {i}" for i in range(COUNT)]
        assert texts(bob, pair.alice_id) == want, texts(bob, pair.alice_id)
        got = texts(alice, pair.bob_id)
        assert got[:COUNT] == want[:COUNT] and got[-1] == "after", got
        assert len(got) == 2 * COUNT - refused + 1 and len(set(got)) == len(got), got
        assert all(account["contacts"][0]["outbox"] == 0 for daemon in (pair.alice, pair.bob)
                   for account in daemon.ctl("status")["accounts"])
        # What was taken while nothing could be erased does not come again.
        await bob.logout()
        pair.bob.stop()
        pair.bob.start()
        bob = await Client(pair.bob, "bob").login()
        await bob.until("sees alice", lambda: bob.sees(pair.alice_id))
        assert not texts(bob, pair.alice_id)
        await bob.logout()
        await alice.logout()
    finally:
        pair.stop()


async def a_disk_that_turns_read_only():
    """As a file system does that finds an error in itself."""
    pair = Pair()
    image = pair.bob.directory / "image"
    image.write_bytes(b"")
    os.truncate(image, SIZE_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    try:
        state = mount_state(pair.bob, "-o", "loop,errors=remount-ro", str(image))
    except subprocess.CalledProcessError:
        say("no loop device here: left out")
        pair.bob.remove()
        return
    device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", str(state)], capture_output=True, text=True,
                            check=True).stdout.strip()
    switch = pathlib.Path("/sys/fs/ext4") / pathlib.Path(device).name / "trigger_fs_error"
    try:
        pair.start()
        alice, bob = await enter(pair)
        alice.say_to(pair.bob_id, "before")
        await bob.until("has it", lambda: texts(bob, pair.alice_id))

        # That a client has taken a message is not synced at once: after a power failure it comes twice.
        os.sync()
        switch.write_text("1")
        bob.say_to(pair.alice_id, "read-only")
        alice.say_to(pair.bob_id, "read-only")
        await bob.until("is refused", lambda: bob.errors)
        wait_until("the status says so", lambda: trouble(pair.bob))
        say("the status says:", trouble(pair.bob))
        await bob.until("is told", lambda: any("Nothing can be stored" in text for text in notices(bob)))
        assert pair.bob.process.poll() is None, pair.bob.log[-3000:]
        assert texts(bob, pair.alice_id) == ["before"]
        await bob.logout()
        pair.bob.stop()
        # Whoever starts it on such a disk is told why it cannot.
        try:
            pair.bob.start()
            raise AssertionError("it runs without being able to store anything")
        except AssertionError as end:
            assert "ended at once" in str(end) and "read-only" in str(end).lower(), end
        subprocess.run(["umount", str(state)], check=True)
        subprocess.run(["fsck.ext4", "-fy", str(image)], capture_output=True, check=False)
        subprocess.run(["mount", "-o", "loop", str(image), str(state)], check=True)
        pair.bob.start()
        bob = await Client(pair.bob, "bob").login()
        await bob.until("has what waited", lambda: texts(bob, pair.alice_id) == ["read-only"])
        await bob.logout()
        await alice.logout()
    except Refused as why:
        raise AssertionError(str(why)) from None
    finally:
        pair.stop()
        subprocess.run(["umount", "-l", str(state)], check=False)
        pair.bob.remove()


if __name__ == "__main__":
    enter_namespace()
    main(a_full_disk, a_disk_that_turns_read_only)
