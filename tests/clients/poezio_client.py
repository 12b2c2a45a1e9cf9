"""Poezio, in a terminal."""

from driver import ANN_STATUS, OWN_STATUS, TerminalDriver
from world import PASSWORD


class Poezio(TerminalDriver):
    name = "Poezio"
    package = "poezio"
    lacks = {"registers": "it cannot"}
    login = ("`jid` and `password` in its `poezio.cfg`. It takes the authority of the system; else say "
             "`ca_cert_path = …/tls/ca.crt`.")

    def logs_in(self):
        config = self.home / "poezio.cfg"
        config.write_text(f"[Poezio]\njid = {self.jid}\npassword = {PASSWORD}\n"
                          "use_remote_bookmarks = false\nenable_vertical_tab_list = false\n")
        self.run("poezio", "-f", str(config), "-d", str(self.home / "debug"))
        self.terminal.shows("Your JID is")

    def adds(self):
        self.terminal.type(f"/add {self.world.ann_jid}")
        self.terminal.shows("the roster")
        self.terminal.type(f"/name {self.world.ann_jid} Ann")
        self.terminal.shows("Ann (")
        self.until_linked()

    def sees(self):
        def told():
            # Of who is selected.
            self.terminal.key("Down")
            return ANN_STATUS in self.terminal.screen()
        self.world.until("her status is shown", told)

    def shows(self):
        self.terminal.type(f"/status dnd {OWN_STATUS}")
        self.until_shown("dnd", OWN_STATUS)

    def opens(self):
        self.terminal.type(f"/message {self.world.ann_jid}")
