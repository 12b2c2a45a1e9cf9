"""omemo.py: two Profanity users, at two daemons, who encrypt from client to client (XEP-0384).

Device lists and keys are nodes of each client's own account (XEP-0163), which the contact's client
asks for through both daemons.
"""

import time

from driver import TerminalDriver
from world import PASSWORD

SECRET = "nobody else reads this"
ANSWER = "nor this"
# They go from one daemon to the other.
KEYS_S = 10


class Encrypting(TerminalDriver):
    package = "profanity"

    def __init__(self, world, daemon, name):
        self.name = name
        super().__init__(world)
        self.daemon = daemon
        self.id = daemon.account(self.user, PASSWORD)

    def logs_in(self):
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


def between_two(world):
    """Raise if they cannot."""
    carol, dave = Encrypting(world, world.here, "Carol"), Encrypting(world, world.there, "Dave")
    try:
        for one, other in ((carol, dave), (dave, carol)):
            one.daemon.ctl("contact", "add", "-a", one.user, other.id, "--name", other.name)
        for one in (carol, dave):
            one.logs_in()
        world.until("linked", lambda: world.there.contact_state(carol.id) == "linked")
        carol.starts(dave)
        dave.starts(carol)
        # Profanity asks for device list and keys now, says nothing when they have come, and takes no
        # message before.
        time.sleep(KEYS_S)
        carol.sends(SECRET)
        dave.gets(SECRET)
        dave.sends(ANSWER)
        carol.gets(ANSWER)
    except Exception as failure:
        raise AssertionError(f"{failure}\n{carol.looks()}\n{dave.looks()}") from None
    finally:
        for one in (carol, dave):
            one.stop()
            one.remove(False)
