"""driver.py: what each client's driver does, a step a method.

A step that returns has worked; one that raises has not. What a client does not have is named in
`lacks`, with the reason, and its step is not tried. After `reconnects` the driver must have shown
that a message got through again.
"""

import os
import shutil

from world import AS_NOBODY, PASSWORD, PATIENCE_S, Terminal, installed, new_home

# The steps in order: method, what heads its column.
STEPS = (
    ("registers", "registers"),
    ("logs_in", "logs in"),
    ("adds", "adds a contact"),
    ("sees", "sees presence"),
    ("shows", "shows presence"),
    ("hears", "gets a message"),
    ("says", "sends a message"),
    ("receipts", "receipts"),
    ("reconnects", "after a restart"),
)
ANN_STATUS = "gone fishing"
OWN_STATUS = "deep in thought"
FROM_ANN = "grüße von Ann"
TO_ANN = "und zurück 🌒"
AGAIN_FROM_ANN = "bist du wieder da?"
AGAIN_TO_ANN = "da bin ich!"


class Driver:
    name = None
    package = None      # the Debian package, or None
    quick = True        # needs no display
    to_ann = TO_ANN     # what it says first
    lacks = {}          # step: why this client cannot
    login = ""          # what one must click, tick or type; for deploy/doc/clients.md

    def __init__(self, world):
        self.world = world
        self.user = self.name.lower().replace(".", "").replace("-", "")
        self.jid = f"{self.user}@localhost"
        self.home = new_home(self.user)
        # Nothing of the user's own, such as another place for certificates.
        self.environment = dict(PATH=os.environ["PATH"], HOME=str(self.home), LC_ALL="C.UTF-8",
                                TERM="xterm-256color", XDG_CONFIG_HOME=str(self.home / "config"),
                                XDG_DATA_HOME=str(self.home / "data"),
                                XDG_CACHE_HOME=str(self.home / "cache"))
        self.id = None

    @classmethod
    def version(cls):
        """The version that is installed, or None."""
        return installed(cls.package)

    # What the matrix calls around the steps.

    def meet(self):
        """The account is there: Ann adds it, and it adds Ann when the client cannot."""
        if "registers" in self.lacks:
            self.world.here.account(self.user, PASSWORD)
        self.id = self.world.here.ctl("id", self.user)["id"]
        self.world.there.ctl("contact", "add", self.id, "--name", self.name)
        if "adds" in self.lacks:
            self.world.here.ctl("contact", "add", "-a", self.user, self.world.ann_id, "--name", "Ann")

    def link(self):
        """How the two daemons stand, for the report of a failure."""
        mine = [f"{account['name']}: {contact['state']}, {contact['outbox']} wait"
                for account in self.world.here.ctl("status")["accounts"] for contact in account["contacts"]
                if account["name"] == self.user]
        return f"Ann's daemon: {self.world.there.contact_state(self.id)}; {', '.join(mine)}"

    def looks(self):
        """What the client shows, for the report of a failure."""
        return ""

    def stop(self):
        """End the client; may be called at any time."""

    def remove(self, keep):
        if keep:
            print(f"{self.name}: {self.home}")
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    # What drivers have, besides registers, logs_in, adds, sees and shows.

    def opens(self):
        """Look at the conversation with Ann."""

    def gets(self, text):
        """Wait until the text is shown."""
        raise NotImplementedError

    def sends(self, text):
        """Send it to Ann."""
        raise NotImplementedError

    def comes_back(self):
        """Do what one must when the connection was lost."""

    # Steps that are the same for most.

    def hears(self):
        self.opens()
        self.number = self.world.ann_says(self.id, FROM_ANN)
        self.gets(FROM_ANN)

    def says(self):
        self.sends(self.to_ann)
        self.until_heard(self.to_ann)

    def receipts(self):
        self.until_receipt(self.number)

    def reconnects(self):
        self.comes_back()
        self.number = self.world.ann_says(self.id, AGAIN_FROM_ANN)
        self.gets(AGAIN_FROM_ANN)
        self.sends(AGAIN_TO_ANN)
        self.until_heard(AGAIN_TO_ANN)

    # What drivers use.

    def until_heard(self, text):
        self.world.until(f"Ann hears {text!r}", lambda: self.world.ann_heard(self.id, text))

    def until_shown(self, show, status=None):
        self.world.until(f"Ann sees {show} {status!r}", lambda: self.world.ann.sees(self.id, show, status))

    def until_receipt(self, number, limit=PATIENCE_S):
        self.world.until("Ann gets a receipt", lambda: number in self.world.ann.receipts, limit)

    def until_linked(self):
        self.world.until("linked", lambda: self.world.there.contact_state(self.id) == "linked")


class TerminalDriver(Driver):
    """One that runs in a terminal."""

    terminal = None

    def run(self, *words):
        self.terminal = Terminal(self.home, [*AS_NOBODY, *words], self.environment)

    def gets(self, text):
        self.terminal.shows(text)

    def sends(self, text):
        self.terminal.type(text)

    def until_ended(self):
        self.world.until("the program has ended", lambda: not self.terminal.runs())

    def looks(self):
        return self.terminal.last() if self.terminal else ""

    def stop(self):
        if self.terminal:
            self.terminal.stop()
