"""slixmpp, the library for Python."""

import asyncio

import slixmpp

from driver import ANN_STATUS, OWN_STATUS, Driver
from world import PASSWORD


class Account(slixmpp.ClientXMPP):
    """Makes the account when asked to; keeps what it was told."""

    def __init__(self, jid, make):
        super().__init__(jid, PASSWORD)
        for plugin in ("xep_0077", "xep_0184", "xep_0198", "xep_0199", "xep_0280"):
            self.register_plugin(plugin)
        self["xep_0077"].create_account = make
        self["xep_0077"].force_registration = make
        # slixmpp 1.8.3 would keep the request for the account back until the login.
        self._always_send_everything = make
        self.presences, self.bodies, self.arrived = {}, [], set()
        self.running, self.registered = asyncio.Event(), asyncio.Event()
        self.add_event_handler("register", self.on_register)
        self.add_event_handler("session_start", self.on_start)
        self.add_event_handler("session_resumed", lambda _: self.running.set())
        self.add_event_handler("disconnected", self.on_end)
        self.add_event_handler("message", lambda m: self.bodies.append(m["body"]))
        self.add_event_handler("receipt_received", lambda m: self.arrived.add(m["receipt"]))
        self.add_event_handler("changed_status", self.on_presence)

    async def on_register(self, _):
        iq = self.Iq()
        iq["type"] = "set"
        iq["register"]["username"] = self.boundjid.user
        iq["register"]["password"] = self.password
        await iq.send()
        self.registered.set()

    async def on_start(self, _):
        await self.get_roster()
        self.send_presence()
        self.running.set()

    def on_end(self, _):
        self.running.clear()
        if self.registered.is_set() and not self["xep_0077"].create_account:
            self.connect()

    def on_presence(self, presence):
        self.presences[presence["from"].bare] = (presence["type"], presence["status"])


class Slixmpp(Driver):
    name = "slixmpp"
    package = "python3-slixmpp"
    login = ("A library: `ClientXMPP(\"NAME@localhost\", PASSWORD).connect()`; it takes the authority of "
             "the system, or `ca_certs`.")
    account = None

    def registers(self):
        self.world.call(self.make_account())

    async def make_account(self):
        maker = Account(self.jid, True)
        maker.connect()
        await asyncio.wait_for(maker.registered.wait(), 30)
        maker.abort()

    def logs_in(self):
        self.world.call(self.log_in())

    async def log_in(self):
        self.account = Account(self.jid, False)
        self.account.registered.set()
        self.account.connect()
        await asyncio.wait_for(self.account.running.wait(), 30)

    def adds(self):
        self.world.soon(self.account.update_roster, self.world.ann_jid, name="Ann")
        self.world.soon(self.account.send_presence, pto=self.world.ann_jid, ptype="subscribe")
        roster = self.account.client_roster
        self.world.until("she is in the roster", lambda: roster[self.world.ann_jid]["name"] == "Ann")
        self.until_linked()

    def sees(self):
        self.world.until("Ann is away",
                         lambda: self.account.presences.get(self.world.ann_jid) == ("away", ANN_STATUS))

    def shows(self):
        self.world.soon(self.account.send_presence, pshow="dnd", pstatus=OWN_STATUS)
        self.until_shown("dnd", OWN_STATUS)

    def gets(self, text):
        self.world.until("the message is there", lambda: text in self.account.bodies)

    def sends(self, text):
        self.sent = self.say(text)

    def say(self, text):
        def it():
            message = self.account.make_message(mto=self.world.ann_jid, mbody=text, mtype="chat")
            message["request_receipt"] = True
            message.send()
            return message["id"]
        return self.world.soon(it)

    def receipts(self):
        super().receipts()
        self.world.until("a receipt from Ann", lambda: self.sent in self.account.arrived)

    def stop(self):
        if self.account:
            self.account.registered.clear()
            self.world.soon(self.account.abort)
