"""mcabber, in a terminal."""

from driver import ANN_STATUS, OWN_STATUS, TerminalDriver
from world import PASSWORD


class Mcabber(TerminalDriver):
    name = "mcabber"
    package = "mcabber"
    lacks = {"registers": "it cannot"}
    login = ("In `~/.mcabber/mcabberrc`: `set jid = NAME@localhost`, `set password`, `set tls = 1`, and "
             "`set ssl_ca = /etc/ssl/certs/ca-certificates.crt`. When the connection is lost: `/connect`.")

    def logs_in(self):
        (self.home / ".mcabber").mkdir(mode=0o700)
        rc = self.home / ".mcabber" / "mcabberrc"
        rc.write_text(f"set jid = {self.jid}\nset password = {PASSWORD}\nset tls = 1\n"
                      "set ssl_ca = /etc/ssl/certs/ca-certificates.crt\n")
        rc.chmod(0o600)
        self.run("mcabber")
        self.terminal.shows("You are now authenticated", "onnection established", "[online]")

    def adds(self):
        self.terminal.type(f"/add {self.world.ann_jid} Ann")
        self.terminal.shows("Ann")
        self.until_linked()

    def sees(self):
        self.terminal.shows("[a] Ann")
        self.terminal.type("/roster search Ann")
        self.terminal.type("/info")
        self.terminal.shows(ANN_STATUS)

    def shows(self):
        self.terminal.type(f"/status dnd {OWN_STATUS}")
        self.until_shown("dnd", OWN_STATUS)

    def opens(self):
        self.terminal.type("/roster search Ann")
        self.terminal.key("Enter")

    def sends(self, text):
        self.terminal.type(f"/say_to {self.world.ann_jid} {text}")

    def comes_back(self):
        self.world.until("it has noticed", lambda: "Disconnected" in self.terminal.screen())
        self.terminal.type("/connect")
        self.terminal.shows("[a] Ann")
        self.opens()
