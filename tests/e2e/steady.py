#!/usr/bin/python3
"""What somebody who watches the line sees of a user: in steady mode not whether a client is there, and
with cover not whether anybody talks.

Two accounts, each with a daemon and a tor of its own, are linked with the same contact and look for one
who never comes. Between daemon and tor stands a relay of ours, which notes when each frame of a session
leaves and when each request to the registry begins. The two accounts are compared over the same minutes:

  count    frames in the window: they scatter as their law says, and the difference of the two must be
           below SIGMAS times that;
  pauses   the largest distance of the two distributions of pauses between frames (Kolmogorov, Smirnov);
  requests to the registry in the window: at most REQUESTS_APART apart.

Chance breaks one of these limits about once in 20,000 runs. That they can see a difference is shown each
time: with `follow` instead of `steady`, and with talk that has no cover, they must.
"""

import asyncio
import math
import socket
import threading
import time

from lib import Client, Daemon, NET, Tor, main, say, wait_until
from test_records import an_id

FRAME = 488
RENEWAL_S = 2
STEADY_S = 150
COVER_S = 0.25
TALK_S = 100
# A short window is enough to see what is not hidden.
OPEN_S = 40
SIGMAS = 4.5
# How long Bob takes at most to leave records for his contacts once his address is known.
RECORDS_S = 5
# Three pairs are looked for (a contact and two decoys, for there are four in all), in pauses of 2, 4,
# 8 min ± 25 %: in a window of minutes each has a lookup of 3 requests, or not. Near the edge of an epoch,
# where one pair in twelve is, a lookup has 6, and there is a publication of 12. So two pairs may differ
# by 15, and a third one seldom does as well. A client that comes with `follow` makes 39.
REQUESTS_APART = 33
# The Kolmogorov-Smirnov distance, times the root of n/2, is above this once in 40,000 times.
KS_LIMIT = 2.3


class Line(threading.Thread):
    """The way from a daemon to its tor's SOCKS port."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.path, self.tor = directory / "watched", directory / "socks"
        self.frames = []    # moments
        self.requests = []
        self.lock = threading.Lock()
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(self.path))
        self.door.listen(64)
        self.start()

    def run(self):
        while True:
            inside, _ = self.door.accept()
            outside = socket.socket(socket.AF_UNIX)
            outside.connect(str(self.tor))
            threading.Thread(target=self.carry, args=(inside, outside, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(outside, inside, False), daemon=True).start()

    def carry(self, source, sink, out):
        head, what, rest = b"", None, 0
        try:
            while data := source.recv(65536):
                if out and what is None:
                    head += data
                    what, used = self.read_head(head)
                    rest = len(head) - used
                    data_len = rest if what == "session" else 0
                elif out:
                    data_len = len(data)
                if out and what == "session":
                    self.note_frames(data_len)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def read_head(self, head):
        """What a SOCKS connection is for, and how long its head is; None while that is not known."""
        at = 2 + head[1] if len(head) >= 2 else 2
        if len(head) < at + 2:
            return None, 0
        user = head[at + 2:at + 2 + head[at + 1]]
        at += 2 + head[at + 1]
        if len(head) < at + 1 or len(head) < at + 1 + head[at] + 5:
            return None, 0
        at += 1 + head[at]
        # A name, or an IPv4 address; and a port.
        end = at + (5 + head[at + 4] if head[at + 3] == 3 else 8) + 2
        if len(head) < end:
            return None, 0
        if user.startswith(b"tacet-registry-"):
            with self.lock:
                self.requests.append(time.monotonic())
            return "registry", end
        return "session", end

    def note_frames(self, length):
        with self.lock:
            # A knock is shorter than a frame.
            self.frames += [time.monotonic()] * (length // FRAME)

    def window(self, begin, end):
        with self.lock:
            return ([t for t in self.frames if begin <= t < end],
                    [t for t in self.requests if begin <= t < end])


class Watched(Daemon):
    def start(self, prefix=()):
        tor = self.directory / "tor"
        self.tor = Tor(tor, (NET / "client.torrc").read_text())
        self.line = Line(tor)
        del self.settings["tor-program"], self.settings["tor-extra-file"]
        self.settings |= {"tor-control": f"unix:{tor}/control", "tor-socks": f"unix:{self.line.path}"}
        return super().start(prefix)


# --- the statistics ---

def pauses(moments):
    return sorted(b - a for a, b in zip(moments, moments[1:]))


def distance(a, b):
    """Kolmogorov and Smirnov's, times sqrt(n m / (n + m))."""
    if not a or not b:
        return math.inf
    largest, i, j = 0, 0, 0
    for x in sorted(a + b):
        while i < len(a) and a[i] <= x:
            i += 1
        while j < len(b) and b[j] <= x:
            j += 1
        largest = max(largest, abs(i / len(a) - j / len(b)))
    return largest * math.sqrt(len(a) * len(b) / (len(a) + len(b)))


def tell_apart(what, a, b, scatter):
    """What tells two series of moments apart, in words; "" if nothing does. scatter: of one count."""
    sigmas = abs(len(a) - len(b)) / (scatter * math.sqrt(2))
    far = distance(pauses(a), pauses(b))
    say(f"{what}: {len(a)} and {len(b)} frames, {sigmas:.1f} sigma apart; pauses: {far:.2f} of {KS_LIMIT}")
    words = [f"{sigmas:.1f} sigma"] if sigmas > SIGMAS else []
    return ", ".join(words + ([f"pauses {far:.2f}"] if far > KS_LIMIT else []))


# --- the test ---

class Three:
    def __init__(self):
        settings = {"status_renewal": f"{RENEWAL_S}s"}
        self.bob = Daemon("bob", **settings)
        self.one, self.other = Watched("one", **settings), Watched("other", **settings)

    def start(self):
        self.bob.start()
        bob = self.bob.account("bob")
        self.ids = {}
        for daemon in (self.one, self.other):
            daemon.start()
            self.ids[daemon] = daemon.account(daemon.name)
            self.bob.ctl("contact", "add", self.ids[daemon], "--name", daemon.name)
        # Whoever comes later dials: so Bob must have left his records. "Waiting" is he also before that.
        wait_until("bob can be reached", lambda: self.bob.ctl("status")["accounts"][0]["published"])
        time.sleep(RECORDS_S)
        wait_until("bob waits for both", lambda: all(
            self.bob.contact_state(i) == "waiting" for i in self.ids.values()))
        for daemon in (self.one, self.other):
            daemon.ctl("contact", "add", bob, "--name", "bob")
            daemon.ctl("contact", "add", an_id()[1])
        wait_until("all are linked", lambda: all(d.contact_state(bob) == "linked" for d in self.ids))
        self.bob_id = bob

    async def watch(self, seconds, talk=None):
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            if talk:
                talk()
            await asyncio.sleep(min(4, max(0.1, begin + seconds - time.monotonic())))
        end = time.monotonic()
        return self.one.line.window(begin, end), self.other.line.window(begin, end)

    def stop(self):
        for daemon in (self.one, self.other, self.bob):
            daemon.stop()
            daemon.remove()


async def a_silent_client_does_not_show():
    three = Three()
    three.start()
    client = await Client(three.one, "one").login()
    await asyncio.sleep(20)  # what begins with the link is over
    renewals = STEADY_S / RENEWAL_S
    (frames, requests), (frames_b, requests_b) = await three.watch(STEADY_S)
    assert len(frames) > renewals / 2, f"only {len(frames)} frames in {STEADY_S} s"
    # Pauses are uniform in ±30 %: so many in a row scatter by 0.3 / sqrt(3) of one, times the root.
    scatter = max(1, 0.3 / math.sqrt(3) * math.sqrt(renewals))
    seen = tell_apart("client and no client", frames, frames_b, scatter)
    assert not seen, f"a client shows: {seen}"
    say(f"requests to the registry: {len(requests)} and {len(requests_b)}")
    assert requests and requests_b, "no request was seen"
    assert abs(len(requests) - len(requests_b)) <= REQUESTS_APART, "the registry tells"

    three.other.ctl("mode", "follow")
    await asyncio.sleep(5)
    (frames, _), (frames_b, _) = await three.watch(OPEN_S)
    seen = tell_apart("steady with a client, and follow without one", frames, frames_b, 1)
    assert seen, "the statistic is blind"
    second = await Client(three.other, "other").login()
    (_, requests), (_, requests_b) = await three.watch(OPEN_S)
    say(f"requests as a client logs in with follow: {len(requests_b)}, steady: {len(requests)}")
    assert len(requests_b) > REQUESTS_APART, "the statistic is blind"
    await second.logout()
    await client.logout()
    three.stop()


async def talk_does_not_show_under_cover():
    three = Three()
    three.start()
    client = await Client(three.one, "one").login()
    said = 0

    def talk():
        nonlocal said
        said += 1
        client.say_to(three.bob_id, f"{said} " + "x" * 1500)

    for daemon in (three.one, three.other):
        daemon.ctl("cover", f"{int(COVER_S * 1000)}ms")
    await asyncio.sleep(10)
    (frames, _), (frames_b, _) = await three.watch(TALK_S, talk)
    assert len(frames) > TALK_S / COVER_S / 2, f"only {len(frames)} frames in {TALK_S} s"
    # A Poisson process: the root of its mean.
    seen = tell_apart("talk and silence, with cover", frames, frames_b, math.sqrt(TALK_S / COVER_S))
    assert not seen, f"talk shows: {seen}"
    hour = 3600 * len(frames) / TALK_S
    say(f"cover of {COVER_S} s: {hour * FRAME / 1e6:.1f} MB an hour and contact in frames, "
        f"{hour * 514 / 1e6:.1f} in Tor cells")

    for daemon in (three.one, three.other):
        daemon.ctl("cover", "off")
    await asyncio.sleep(5)
    (frames, _), (frames_b, _) = await three.watch(OPEN_S, talk)
    seen = tell_apart("talk and silence, without cover", frames, frames_b,
                      max(1, math.sqrt(OPEN_S / RENEWAL_S) / 5))
    assert seen, "the statistic is blind"
    assert said > 0
    wait_until("all that was said has arrived", lambda: not three.one.ctl("outbox")["messages"])
    await client.logout()
    three.stop()


if __name__ == "__main__":
    main(a_silent_client_does_not_show, talk_does_not_show_under_cover)
