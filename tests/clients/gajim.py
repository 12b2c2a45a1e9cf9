"""Gajim, on a display that nobody sees."""

import asyncio

from display import WindowDriver
from driver import OWN_STATUS
from slixmpp_client import Account
from world import PASSWORD


# The field for messages, with the window where Gajim puts it.
INPUT = (690, 496)
WINDOW = "1002x525+0+0"


class Gajim(WindowDriver):
    name = "Gajim"
    package = "gajim"
    to_ann = "and back"     # more than ASCII gets lost on the way from xdotool at times
    login = ("Sign Up: server localhost, then name and password; or Log In with NAME@localhost. A certificate "
             "that the system does not know brings a question: tick “Add this certificate”. Invitations and "
             "the rest: Accounts → Execute Command…, where it does not show the QR code.")

    def registers(self):
        self.run("gajim")
        self.display.press("Sign Up")
        self.display.shows("Please choose a server")
        self.display.type("localhost")
        self.display.press("Sign Up")
        self.display.shows("username")
        self.display.type(self.user)
        self.display.key("Tab")
        self.display.type(PASSWORD)
        self.picture("registers", "560x540+360+146")
        self.display.press("Sign Up")
        self.display.shows("Account has been added successfully")

    def logs_in(self):
        self.display.press("Connect")
        self.display.shows("Password Required")
        self.display.type(PASSWORD)
        self.display.press("Login")
        self.display.shows(f"Account: {self.jid}")

    def adds(self):
        self.display.press("Accounts")
        self.display.press("Add Contact…")
        self.display.shows("Please enter an XMPP address")
        self.display.type(self.world.ann_jid)
        self.display.press("Next")
        self.display.shows("Share Status")
        self.display.press("Add Contact")
        self.display.shows("Contacts (1/1)")
        self.until_linked()

        # Gajim asks for no name; another client of the account gives her one.
        self.world.call(self.name_her())

    async def name_her(self):
        other = Account(self.jid, False)
        other.registered.set()
        other.connect()
        await asyncio.wait_for(other.running.wait(), 30)
        await other.update_roster(self.world.ann_jid, name="Ann")
        other.registered.clear()
        other.abort()

    def sees(self):
        # Not told to screen readers: by the colour of a dot.
        self.display.shows("Ann")
        self.display.until("the dot is orange", lambda: self.display.has_colour("#ff8533", "420x480+0+40"))

    def shows(self):
        self.display.press("Available")
        self.display.press("Busy")
        self.display.fill("#1", OWN_STATUS)
        self.display.press("Set status message")
        self.until_shown("dnd", OWN_STATUS)

    def opens(self):
        self.display.key("ctrl+n")
        self.display.shows("Start / Join Chat")
        self.display.type(self.world.ann_jid)
        self.display.key("Return")
        self.display.shows("There is no more history")

    def gets(self, text):
        self.display.shows(text)

    def sends(self, text):
        # The field is not for writing while there is no connection, and then has lost the keyboard.
        self.display.click(*INPUT)
        self.display.type(text)
        self.display.key("Return")

    def receipts(self):
        super().receipts()
        self.picture("chat", WINDOW)
