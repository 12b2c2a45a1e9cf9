"""Finch, which is libpurple (and so Pidgin) in a terminal. It is used as people do: by its menus."""

from driver import TerminalDriver
from world import PASSWORD


class Finch(TerminalDriver):
    name = "Finch"
    package = "finch"
    lacks = {"receipts": "it has none"}
    login = ("Accounts → Add: protocol XMPP, user name NAME, domain localhost; tick “Create this account on "
             "the server” if there is none yet. Pidgin is the same with a mouse.")

    def registers(self):
        self.run("finch")
        self.terminal.shows("New Account")
        self.terminal.key("Enter", "x", "x", "Enter")
        self.terminal.shows("Domain")
        for text in (self.user, "localhost", "", PASSWORD):
            self.terminal.key("Tab")
            self.terminal.write(text)
        self.terminal.key("Tab", "Tab", "Space")
        self.terminal.key("Tab", "Tab", "Space")
        self.terminal.key(*9 * ["Tab"], "Enter")
        self.terminal.shows("Register New XMPP Account")
        self.terminal.key("M-3", "Tab", "Tab", "Enter")
        self.terminal.shows("Registration Successful")
        self.terminal.key("M-3", "M-c")

    def logs_in(self):
        self.terminal.key("M-1", "Space")
        self.terminal.shows("[X]")
        self.terminal.key("M-c")

    def adds(self):
        self.terminal.key("F10", "a", "b")
        self.terminal.shows("Add Buddy")
        self.terminal.write(self.world.ann_jid)
        self.terminal.key("Tab")
        self.terminal.write("Ann")
        self.terminal.key("Tab", "Tab")
        self.terminal.write("Friends")
        self.terminal.key("Tab", "Tab", "Enter")
        self.terminal.shows("Ann")
        self.until_linked()

    def sees(self):
        # Its sign for away.
        self.terminal.shows("⊖ Ann")

    def shows(self):
        # That it is there; its menu of statuses did not take keys from a program.
        self.until_shown("available")

    def gets(self, text):
        # The conversation opens by itself, behind the list.
        self.terminal.shows(f"Ann ({self.jid}")
        self.terminal.key("M-2")
        super().gets(text)
