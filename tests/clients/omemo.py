"""omemo.py: two users of one client, at two daemons, who encrypt from client to client (XEP-0384).

Device lists and keys are nodes of each client's own account (XEP-0163), which the contact's client
asks for through both daemons. That the daemons have seen nothing but ciphertext is looked for in what
they keep of it: the archive, as another client of the account is given it.
"""

import sqlite3
import time

from dino import FIRST, START, Dino
from gajim import WINDOW, Gajim
from profanity import Profanity
from world import PASSWORD, lib

SECRET = "nobody else reads this"
ANSWER = "nor this"
# They go from one daemon to the other.
KEYS_S = 10


class Encrypting:
    """Mixed into a client's driver: a user of it at one of the daemons, with a contact of the same kind."""

    def __init__(self, world, daemon, name, elsewhere):
        self.client, self.name = self.name, name
        super().__init__(world)
        self.daemon = daemon
        self.prefix = world.elsewhere.prefix if elsewhere and world.elsewhere else []
        self.id = daemon.account(self.user, PASSWORD)

    @property
    def pictured(self):
        return self.client.lower()

    def starts(self, other):
        """Open the conversation with the other, encrypted."""
        raise NotImplementedError

    def pictures(self):
        """For the documents."""


class EncryptingProfanity(Encrypting, Profanity):
    users = ("Carol", "Dave")

    def enters(self):
        self.run("profanity")
        self.terminal.shows("Profanity")
        self.terminal.type(f"/connect {self.jid} server 127.0.0.1 port {self.daemon.port} tls disable")
        self.terminal.shows("nter password")
        self.terminal.type(PASSWORD)
        self.terminal.shows("logged in successfully")
        self.terminal.type("/omemo trustmode blind")
        self.terminal.type("/omemo gen")
        self.terminal.shows("OMEMO crytographic materials generated", "OMEMO cryptographic materials generated")

    def starts(self, other):
        self.terminal.type(f"/msg {other.id}@localhost")
        self.terminal.type("/omemo start")
        self.terminal.shows("[OMEMO]")
        # Profanity asks for device list and keys now, says nothing when they have come, and takes no
        # message before.
        time.sleep(KEYS_S)


class EncryptingGajim(Encrypting, Gajim):
    users = ("Erin", "Frank")

    def enters(self):
        self.run("gajim")
        self.display.shows("Please enter your credentials or Sign Up")
        self.display.type(self.jid)
        self.display.key("Tab")
        self.display.type(PASSWORD)
        self.display.press("Log In")
        self.display.shows("Account has been added successfully")
        self.logs_in()

    def starts(self, other):
        self.display.key("ctrl+n")
        self.display.shows("Start / Join Chat")
        self.display.type(f"{other.id}@localhost")
        self.display.key("Return")
        self.display.shows("There is no more history")
        self.display.press("Choose encryption")
        self.display.press("OMEMO")
        self.display.key("Escape")

    def pictures(self):
        self.picture("omemo", WINDOW)


# Dino's padlock beside the field for messages, what it opens, and the field.
PADLOCK, OMEMO, FIELD = (1203, 713), (1158, 663), (700, 712)
ENCRYPTED_WITH_OMEMO = 2


class EncryptingDino(Encrypting, Dino):
    users = ("Grace", "Heidi")

    def enters(self):
        self.logs_in()
        time.sleep(KEYS_S)

    def starts(self, other):
        self.display.key("ctrl+t")
        time.sleep(3)
        self.display.click(*FIRST)
        time.sleep(1)
        self.display.click(*START)
        time.sleep(3)
        self.display.click(*PADLOCK)
        time.sleep(1.5)
        self.display.click(*OMEMO)
        time.sleep(1)
        self.display.key("Escape")
        self.display.click(*FIELD)

    def gets(self, text):
        """Dino tells screen readers nothing, but writes down what it has read and how it came."""
        def known():
            with sqlite3.connect(self.home / "data" / "dino" / "dino.db") as database:
                return (text, ENCRYPTED_WITH_OMEMO) in database.execute("SELECT body, encryption FROM message")
        self.world.until(f"Dino has read {text!r}", known)
        time.sleep(1)

    def pictures(self):
        self.picture("omemo", "1200x700+40+50")


KINDS = (EncryptingProfanity, EncryptingGajim, EncryptingDino)


class Reader(lib.Client):
    """Another client of the account, which has no keys."""

    def __init__(self, daemon, user):
        super().__init__(daemon, user, PASSWORD)
        for plugin in ("xep_0059", "xep_0297", "xep_0313"):
            self.register_plugin(plugin)

    async def archived(self):
        """Messages as XML."""
        await self.login()
        found = [str(message["mam_result"]["forwarded"]["stanza"])
                 async for message in self["xep_0313"].iterate()]
        await self.logout()
        return found


def only_ciphertext(world, me):
    async def read():
        return await Reader(me.daemon, me.user).archived()
    archived = world.call(read())
    assert sum("<encrypted" in message for message in archived) >= 2, archived
    assert not any(text in message for message in archived for text in (SECRET, ANSWER)), archived


def between_two(world, kind):
    """Raise if they cannot."""
    one = kind(world, world.here, kind.users[0], False)
    other = kind(world, world.there, kind.users[1], True)
    both = ((one, other), (other, one))
    try:
        for me, you in both:
            me.daemon.ctl("contact", "add", "-a", me.user, you.id, "--name", you.name)
        for me, _ in both:
            me.enters()
        world.until("linked", lambda: world.there.contact_state(one.id) == "linked")
        for me, you in both:
            me.starts(you)
        one.sends(SECRET)
        other.gets(SECRET)
        other.sends(ANSWER)
        one.gets(ANSWER)
        one.pictures()
        for me, _ in both:
            only_ciphertext(world, me)
    except Exception as failure:
        raise AssertionError(f"{failure}\n{one.looks()}\n{other.looks()}") from None
    finally:
        for me, _ in both:
            me.stop()
            me.remove(False)
