"""BitlBee, which lets an IRC client talk Jabber; the IRC client is a few lines here."""

import socket
import subprocess
import time

from driver import ANN_STATUS, OWN_STATUS, Driver
from world import AS_NOBODY, PASSWORD, lib

CONFIG = """[settings]
RunMode = ForkDaemon
DaemonInterface = 127.0.0.1
DaemonPort = {port}
ConfigDir = {home}
CAfile = /etc/ssl/certs/ca-certificates.crt
"""


class Irc:
    """A connection that keeps the lines it got."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.text = ""
        self.rest = b""

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def read(self):
        try:
            self.rest += self.socket.recv(65536)
        except BlockingIOError:
            pass
        lines = self.rest.split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            if line.startswith(b"PING"):
                self.send("PONG" + line[4:].decode())
            self.text += line.decode() + "\n"
        return self.text

    def shows(self, *texts):
        """Wait for one of the texts in what came since the last time."""
        try:
            lib.wait_until(f"BitlBee says one of {texts}", lambda: any(t in self.read() for t in texts), 45)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.text}") from None
        self.text = ""


class BitlBee(Driver):
    name = "BitlBee"
    package = "bitlbee"
    lacks = {"registers": "it cannot", "receipts": "it has none"}
    login = ("`account add jabber NAME@localhost`, `account on`. It takes port 5222 only, and with `CAfile` in "
             "its `bitlbee.conf` checks the certificate.")
    process = None

    def logs_in(self):
        port = lib.free_port()
        config = self.home / "bitlbee.conf"
        config.write_text(CONFIG.format(port=port, home=self.home))
        self.process = subprocess.Popen([*AS_NOBODY, "bitlbee", "-F", "-n", "-c", str(config)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=self.environment)
        for _ in range(50):
            try:
                self.irc = Irc(port)
                break
            except OSError:
                time.sleep(0.1)
        self.irc.send("NICK me")
        self.irc.send("USER me 0 * :me")
        self.irc.shows("&bitlbee")
        self.ask("register secret")
        self.irc.shows("Account successfully created", "account")
        self.ask(f'account add jabber {self.jid} "{PASSWORD}"')
        self.irc.shows("Account successfully added")
        self.ask("account on")
        self.irc.shows("Logged in")

    def ask(self, text):
        self.irc.send(f"PRIVMSG &bitlbee :{text}")

    def adds(self):
        self.ask(f"add jabber {self.world.ann_jid} ann")
        self.until_linked()
        self.irc.shows("JOIN", "MODE &bitlbee +v")

    def sees(self):
        self.irc.shows("MODE &bitlbee -v ann")
        self.ask("info ann")
        self.irc.shows(ANN_STATUS)

    def shows(self):
        self.irc.send(f"AWAY :busy, {OWN_STATUS}")
        self.world.until("Ann sees it", lambda: self.world.ann.contacts.get(
            f"{self.id}@localhost", ("", ""))[1].endswith(OWN_STATUS))

    def gets(self, text):
        self.irc.shows(text)

    def sends(self, text):
        self.irc.send(f"PRIVMSG ann :{text}")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
