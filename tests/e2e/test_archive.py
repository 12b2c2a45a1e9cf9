#!/usr/bin/python3
"""The archive of a running daemon with slixmpp's XEP-0313 and 0059: what was said is there after
the daemon was killed, page by page; what was taken back is not; tacetctl turns it off and erases it; and
nothing of it can be read in the files. Needs no network: what is said waits for a contact."""

import asyncio
import xml.etree.ElementTree as ET

from lib import Client, Daemon, Refused, say, without_network


class Reader(Client):
    def __init__(self, daemon, resource):
        super().__init__(daemon, "ann", resource=resource)
        for plugin in ("xep_0059", "xep_0297", "xep_0313"):
            self.register_plugin(plugin)

    async def answered(self):
        """All that was said before has been taken."""
        await self["xep_0030"].get_info(jid="localhost")

    async def bodies(self, **filters):
        """All pages of it."""
        found = []
        async for message in self["xep_0313"].iterate(rsm={"max": 3}, **filters):
            found.append(message["mam_result"]["forwarded"]["stanza"]["body"])
        return found


def files_have(daemon, needle):
    return [str(path) for path in (daemon.directory / "state").glob("*.db*")
            if needle.encode() in path.read_bytes()]


def contact_id(name):
    """An id that is nobody's here: that of an account elsewhere."""
    daemon = Daemon(name, tor_extra_file=without_network()).start()
    found = daemon.account(name)
    daemon.stop()
    daemon.remove()
    return found


async def said_and_found(daemon, ben, carl):
    ann = await Reader(daemon, "a").login()
    info = await ann["xep_0030"].get_info(jid="ann@localhost")
    assert {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"} <= info["disco_info"]["features"]
    for i in range(7):
        ann.say_to(ben, f"NEEDLE {i} to ben")
    ann.say_to(carl, "NEEDLE to carl")
    ann.send_message(mto=f"{ben}@localhost", mbody="NEEDLE not kept", mtype="chat")
    message = ann.make_message(f"{ben}@localhost", "NEEDLE hinted", mtype="chat")
    message.xml.append(ET.Element("{urn:xmpp:hints}no-store"))
    message.send()
    await ann.answered()
    to_ben = [f"NEEDLE {i} to ben" for i in range(7)] + ["NEEDLE not kept"]
    assert await ann.bodies(with_jid=f"{ben}@localhost") == to_ben, await ann.bodies()
    assert await ann.bodies() == to_ben[:7] + ["NEEDLE to carl"] + to_ben[7:]
    assert await ann.bodies(with_jid=f"{ben}@localhost", reverse=True) != []
    await ann.logout()
    return to_ben


async def killed(daemon, ben, to_ben):
    daemon.kill()
    daemon.start()
    ann = await Reader(daemon, "b").login()
    assert await ann.bodies(with_jid=f"{ben}@localhost") == to_ben
    # Nothing of it can be read in the files.
    assert not files_have(daemon, "NEEDLE"), files_have(daemon, "NEEDLE")
    assert files_have(daemon, "CREATE TABLE archive")
    await ann.logout()


async def taken_back(daemon, ben):
    ann = await Reader(daemon, "c").login()
    message = ann.make_message(f"{ben}@localhost", "taken back", mtype="chat")
    message["id"] = "m-back"
    message.send()
    retraction = ann.make_message(f"{ben}@localhost", "", mtype="chat")
    element = ET.Element("{urn:xmpp:message-retract:1}retract")
    element.set("id", "m-back")
    retraction.xml.append(element)
    retraction.send()
    await ann.answered()
    assert "taken back" not in await ann.bodies()
    await ann.logout()


async def by_tacetctl(daemon, ben, carl):
    ann = await Reader(daemon, "d").login()
    before = daemon.ctl("archive")
    assert before["archive"] == "on" and before["days"] == 30 and before["messages"] == 10, before
    assert daemon.ctl("archive", "off")["archive"] == "off"
    ann.say_to(ben, "while it is off")
    await ann.answered()
    assert "while it is off" not in await ann.bodies()
    assert daemon.ctl("archive", "on")["archive"] == "on"
    assert daemon.ctl("archive", "purge", carl)["erased"] == 1
    assert await ann.bodies(with_jid=f"{carl}@localhost") == []
    assert daemon.ctl("archive", "retention", "7", "5")["messages"] == 5
    assert len(await ann.bodies()) == 5
    daemon.ctl("contact", "remove", ben)
    assert await ann.bodies() == []
    ann.say_to(carl, "last")
    await ann.answered()
    assert daemon.ctl("archive", "purge")["erased"] == 1
    assert await ann.bodies() == []
    try:
        daemon.ctl("archive", "retention", "1000000")
        raise AssertionError("a retention without bounds")
    except Refused:
        pass
    await ann.logout()


async def archive():
    ben, carl = contact_id("ben"), contact_id("carl")
    daemon = Daemon("ann", tor_extra_file=without_network()).start()
    daemon.account("ann")
    daemon.ctl("contact", "add", ben, "--name", "Ben")
    daemon.ctl("contact", "add", carl, "--name", "Carl")
    to_ben = await said_and_found(daemon, ben, carl)
    say("messages are found, page by page")
    await killed(daemon, ben, to_ben)
    say("they are there after a death, and sealed")
    await taken_back(daemon, ben)
    say("what was taken back is not")
    await by_tacetctl(daemon, ben, carl)
    say("turned off, erased, limited")
    daemon.stop()
    daemon.remove()


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(archive(), 300))
