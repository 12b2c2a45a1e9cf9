#!/usr/bin/python3
"""storm_client.py PORT USER CONTACT MESSAGES RATE DIRECTORY: a Jabber client that does what a good one
does, for storm.py, which kills it.

It says MESSAGES messages to CONTACT, at most RATE a second, and keeps in DIRECTORY what it would keep in
its database, each line written before anything is answered:

  shown    number, stanza-id   of each message, in the order in which the user saw them
  doubles  number, how         of messages that came again and that the user did not see: "again" in
                               another session, "same" in the session that had brought it already
  acked    how many messages the server has acknowledged

It manages its stream (XEP-0198) and resumes it; when it cannot, it says again what was not acknowledged,
with the same ids, also after it was killed. What comes again it knows by its stanza-id (XEP-0359) alone.
SIGUSR1 breaks its connection.
"""

import base64
import os
import pathlib
import select
import signal
import socket
import sys
import time
import xml.etree.ElementTree as ET

SM = "{urn:xmpp:sm:3}"
CLIENT = "{jabber:client}"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
# Messages that may be unacknowledged, and after how many the server is asked.
WINDOW = 50
ASK_EVERY = 10
# Nothing comes for so long: the connection is dead, or it is asked.
ASK_S, DEAD_S = 5, 30


class Broken(Exception):
    pass


class Stream:
    """A connection up to its end."""

    def __init__(self, port):
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), 10)
        except OSError as error:
            raise Broken(error) from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def open(self):
        self.parser = ET.XMLPullParser(["start", "end"])
        self.depth = 0
        self.say("<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                 "xmlns:stream='http://etherx.jabber.org/streams'>")

    def say(self, text):
        try:
            self.socket.sendall(text.encode())
        except OSError as error:
            raise Broken(error) from error

    def elements(self, wait_s):
        """What has come within that time, as far as it is whole."""
        try:
            if not select.select([self.socket], [], [], wait_s)[0]:
                return
            data = self.socket.recv(65536)
        except (OSError, ValueError) as error:
            raise Broken(error) from error
        if not data:
            raise Broken("end of file")
        self.parser.feed(data)
        for event, element in self.parser.read_events():
            self.depth += 1 if event == "start" else -1
            if event == "start" and self.depth == 1:
                self.root = element
            elif event == "end" and self.depth == 1:
                yield element
                self.root.remove(element)
            elif self.depth == 0:
                raise Broken("the server has ended the stream")

    def wait_for(self, *names):
        end = time.monotonic() + DEAD_S
        while time.monotonic() < end:
            for element in self.elements(1):
                if element.tag in names:
                    return element
                if element.tag.endswith("}error") or element.tag.endswith("}failure"):
                    raise Broken(ET.tostring(element))
        raise Broken(f"no {names}")

    def close(self):
        self.socket.close()


class Client:
    def __init__(self, port, user, contact, messages, rate, directory):
        self.port, self.user, self.contact = port, user, contact
        self.messages, self.rate = messages, rate
        self.shown_file = os.open(directory / "shown", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.doubles_file = os.open(directory / "doubles", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.acked_path = directory / "acked"
        self.shown = {line.split()[1]: 0 for line in (directory / "shown").read_text().splitlines()}
        self.acked = int(self.acked_path.read_text()) if self.acked_path.exists() else 0
        self.next = self.acked      # the next message to be said
        self.said_high = self.acked # no message above was said before: those below need no pause
        self.session = None         # id of a session that can be resumed
        self.sessions = 0
        self.unacked = []           # of our stanzas in this session: a message's number, or None
        self.out = self.got = 0     # stanzas acknowledged to us in this session, and got by us
        self.began = time.monotonic()
        self.stream = None

    # --- what we have said ---

    def acknowledge(self, h):
        news = (h - self.out) % 2**32
        assert news <= len(self.unacked), f"{h} acknowledged, {self.out + len(self.unacked)} said"
        gone, self.unacked = self.unacked[:news], self.unacked[news:]
        self.out = h
        numbers = [n for n in gone if n is not None]
        if numbers:
            assert numbers[0] == self.acked and numbers == list(range(numbers[0], numbers[-1] + 1)), numbers
            self.acked = numbers[-1] + 1
            fresh = self.acked_path.with_suffix(".new")
            fresh.write_text(str(self.acked))
            fresh.rename(self.acked_path)

    def say_stanza(self, number):
        """A message, or (None) our presence."""
        self.stream.say("<presence/>" if number is None else
                        f"<message to='{self.contact}@localhost' type='chat' id='{self.user}-{number}'>"
                        f"<body>{number}</body></message>")

    def say_what_is_due(self):
        due = min(self.messages, self.acked + WINDOW)
        while self.next < due:
            if self.next >= self.said_high:
                if time.monotonic() < self.began:
                    return
                self.began = max(self.began, time.monotonic() - 1) + 1 / self.rate
                self.said_high = self.next + 1
            # First, because it counts as said even if the connection breaks at this moment.
            self.unacked.append(self.next)
            self.next += 1
            self.say_stanza(self.next - 1)
            if self.next % ASK_EVERY == 0 or self.next == due:
                self.stream.say("<r xmlns='urn:xmpp:sm:3'/>")

    # --- what we are told ---

    def take_message(self, message):
        body = message.findtext(CLIENT + "body")
        assert message.get("type") != "error", ET.tostring(message)
        if body is None or message.get("from") == "localhost":
            return
        stanza_id = message.find("{urn:xmpp:sid:0}stanza-id")
        assert stanza_id is not None and stanza_id.get("by") == f"{self.user}@localhost"
        name = stanza_id.get("id")
        if name in self.shown:
            how = "same" if self.shown[name] == self.sessions else "again"
            os.write(self.doubles_file, f"{body} {how}\n".encode())
            return
        self.shown[name] = self.sessions
        os.write(self.shown_file, f"{body} {name}\n".encode())

    def take(self, element):
        if element.tag == SM + "r":
            self.stream.say(f"<a xmlns='urn:xmpp:sm:3' h='{self.got}'/>")
        elif element.tag == SM + "a":
            self.acknowledge(int(element.get("h")))
        elif element.tag in (CLIENT + "message", CLIENT + "presence", CLIENT + "iq"):
            if element.tag == CLIENT + "message":
                self.take_message(element)
            self.got = (self.got + 1) % 2**32
        elif element.tag.endswith("}error"):
            raise Broken(ET.tostring(element))

    # --- logging in ---

    def log_in(self):
        stream = self.stream
        stream.open()
        stream.wait_for("{http://etherx.jabber.org/streams}features")
        secret = base64.b64encode(f"\0{self.user}\0secret".encode()).decode()
        stream.say(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{secret}</auth>")
        stream.wait_for("{%s}success" % SASL)
        stream.open()
        stream.wait_for("{http://etherx.jabber.org/streams}features")

    def resume(self):
        if self.session is None:
            return False
        self.stream.say(f"<resume xmlns='urn:xmpp:sm:3' previd='{self.session}' h='{self.got}'/>")
        answer = self.stream.wait_for(SM + "resumed", SM + "failed")
        if answer.get("h") is not None:
            self.acknowledge(int(answer.get("h")))
        if answer.tag == SM + "failed":
            self.session = None
            return False
        # What the server has not got it gets again, in this session.
        for number in self.unacked:
            self.say_stanza(number)
        return True

    def begin(self):
        self.stream.say("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                        "<resource>storm</resource></bind></iq>")
        self.stream.wait_for(CLIENT + "iq")
        self.stream.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        self.session = self.stream.wait_for(SM + "enabled").get("id")
        self.sessions += 1
        self.out = self.got = 0
        self.unacked = [None]
        # What was not acknowledged is said again, with the same ids.
        self.next = self.acked
        self.say_stanza(None)

    def run_stream(self):
        self.stream = Stream(self.port)
        try:
            self.log_in()
            if not self.resume():
                self.begin()
            heard = asked = time.monotonic()
            while True:
                self.say_what_is_due()
                for element in self.stream.elements(0.05):
                    heard = asked = time.monotonic()
                    self.take(element)
                now = time.monotonic()
                if now - heard > DEAD_S:
                    raise Broken("dead")
                if now - asked > ASK_S:
                    asked = now
                    self.stream.say("<r xmlns='urn:xmpp:sm:3'/>")
        finally:
            self.stream.close()

    def run(self):
        while True:
            try:
                self.run_stream()
            except Broken:
                time.sleep(0.3)


def main():
    port, user, contact, messages, rate, directory = sys.argv[1:]
    client = Client(int(port), user, contact, int(messages), float(rate), pathlib.Path(directory))

    def on_break(_signal, _frame):
        if client.stream is not None:
            try:
                client.stream.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    signal.signal(signal.SIGUSR1, on_break)
    client.run()


if __name__ == "__main__":
    main()
