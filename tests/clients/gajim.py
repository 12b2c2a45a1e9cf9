"""Gajim, on a display that nobody sees."""

from display import WindowDriver
from driver import OWN_STATUS
from world import PASSWORD


# The field for messages, with the window where Gajim puts it.
INPUT = (690, 496)


class Gajim(WindowDriver):
    name = "Gajim"
    package = "gajim"
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
        self.picture("registers")
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

    def sees(self):
        # In the chat's head, by the colour at her picture, too: see the pictures.
        self.picture("contacts")

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
        self.picture("chat")
