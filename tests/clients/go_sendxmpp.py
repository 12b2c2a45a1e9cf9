"""go-sendxmpp, which sends its standard input, or listens."""

import os
import subprocess

from driver import Driver
from world import PASSWORD

NOT_THERE = "it cannot"


class GoSendxmpp(Driver):
    name = "go-sendxmpp"
    package = "go-sendxmpp"
    lacks = {"registers": NOT_THERE, "adds": NOT_THERE, "sees": NOT_THERE, "receipts": NOT_THERE,
             "reconnects": "it ends with the connection; started again it goes on"}
    login = "`go-sendxmpp -u NAME@localhost -p PASSWORD ID@localhost`. It wants the authority of the system."
    listener = None

    def start(self, *words):
        return subprocess.Popen(["go-sendxmpp", "-u", self.jid, "-p", PASSWORD, *words, self.world.ann_jid],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, env=self.environment)

    def logs_in(self):
        self.until_linked()
        self.listener = self.start("-l")
        os.set_blocking(self.listener.stdout.fileno(), False)
        self.heard = b""

    def shows(self):
        self.until_shown("available")

    def gets(self, text):
        self.world.until("it prints the message", lambda: text.encode() in self.read())

    def read(self):
        try:
            self.heard += os.read(self.listener.stdout.fileno(), 4096)
        except BlockingIOError:
            pass
        return self.heard

    def sends(self, text):
        out, _ = self.start().communicate(text + "\n", timeout=60)
        assert not out.strip(), out

    def stop(self):
        if self.listener:
            self.listener.kill()
            self.listener.wait()
