"""Profanity, in a terminal."""

from driver import ANN_STATUS, OWN_STATUS, TerminalDriver
from world import PASSWORD


class Profanity(TerminalDriver):
    name = "Profanity"
    package = "profanity"
    login = ("`/connect NAME@localhost`, then the password. After `/register` it must be started again before "
             "it can log in.")

    def registers(self):
        self.run("profanity")
        self.terminal.shows("Profanity")
        self.terminal.type("/inpblock timeout 50")
        self.terminal.type("/autoping timeout 10")
        self.terminal.type("/reconnect 2")
        self.terminal.type("/time chat set %H:%M")
        self.terminal.type(f"/register {self.user} localhost port 5222")
        self.terminal.shows("nter password")
        self.terminal.type(PASSWORD)
        self.terminal.shows("Confirm password")
        self.terminal.type(PASSWORD)
        self.terminal.shows("egistration successful")
        # Profanity 0.13 keeps in mind that the connection was for that, and could not log in.
        self.terminal.type("/save")
        self.terminal.type("/quit")
        self.until_ended()

    def logs_in(self):
        self.run("profanity")
        self.terminal.shows("Profanity")
        self.terminal.type(f"/connect {self.jid}")
        self.terminal.shows("nter password")
        self.terminal.type(PASSWORD)
        self.terminal.shows("logged in successfully")

    def adds(self):
        self.terminal.type(f"/roster add {self.world.ann_jid} Ann")
        self.terminal.type(f"/sub request {self.world.ann_jid}")
        self.terminal.shows("Ann")
        self.until_linked()

    def sees(self):
        self.terminal.type("/win 1")
        self.terminal.shows(ANN_STATUS)

    def shows(self):
        self.terminal.type(f'/status set dnd "{OWN_STATUS}"')
        self.until_shown("dnd", OWN_STATUS)

    def opens(self):
        self.terminal.type("/receipts send on")
        self.terminal.type(f"/msg {self.world.ann_jid}")
