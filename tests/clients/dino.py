"""Dino, on a display that nobody sees. GTK 4.8 does not say what is shown, so it is told where to click."""

import time

from display import WindowDriver
from world import PASSWORD

# On a screen of 1280x800, where Dino's window stands in the middle.
SET_UP, ADD, JID, ADD_DONE, FIRST, START = (640, 572), (513, 630), (671, 423), (755, 321), (640, 258), (826, 148)
# The blue of SET_UP, and where it is.
BLUE, WELCOME = "#3584e4", "140x30+570+558"
# It waits a minute or more before it tries again.
COMES_BACK_S = 120


class Dino(WindowDriver):
    name = "Dino"
    package = "dino-im"
    to_ann = "and back"     # xdotool cannot type more than ASCII into GTK 4
    lacks = {"registers": "it registers only at servers that are found by DNS",
             "sees": "it does not show others' presence"}
    login = ("Set up account: NAME@localhost, password. It wants the authority of the system, port 5222 and "
             "domain localhost.")

    def logs_in(self):
        self.run("dino-im")
        self.display.until("Dino welcomes", lambda: self.display.has_colour(BLUE, WELCOME))
        self.display.click(*SET_UP)
        time.sleep(3)
        self.display.type(self.jid)
        self.display.key("Return")
        time.sleep(6)
        self.display.type(PASSWORD)
        self.display.key("Return")
        time.sleep(6)
        self.display.key("Return")
        self.display.until("Dino has an account", lambda: not self.display.has_colour(BLUE, WELCOME))

    def adds(self):
        self.display.key("ctrl+t")
        time.sleep(3)
        self.display.click(*ADD)
        time.sleep(3)
        self.display.click(*JID)
        self.display.type(self.world.ann_jid)
        self.display.key("Tab")
        self.display.type("Ann")
        self.display.click(*ADD_DONE)
        self.until_linked()
        time.sleep(1)
        self.display.click(*FIRST)
        self.display.click(*START)

    def shows(self):
        self.until_shown("available")

    def gets(self, text):
        """That it is shown is seen by the receipt: Dino sends one for what it has put on the screen."""
        self.until_receipt(self.number, COMES_BACK_S)

    def sends(self, text):
        self.display.type(text)
        self.display.key("Return")

    def receipts(self):
        super().receipts()
        time.sleep(1)
        self.picture("chat", "1200x700+40+50")
