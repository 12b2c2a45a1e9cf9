#!/usr/bin/python3
"""One's own gateway (deploy/gateway), attacked with all that breaks a bare dhtnode: it stays up and answers
canaries, and two people meet through it. Most attacks go to the door itself, each as if from a circuit that
tor names; the people come through its onion service."""

import asyncio
import base64
import json
import os
import pathlib
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from lib import NET, Client, Pair, free_port, main, say, wait_until

GATEWAY = pathlib.Path(__file__).parents[2] / "deploy" / "gateway" / "gateway"
# OpenDHT networks of the test's own: the gateway's, and one for those that are expected to break.
NETWORK, VICTIMS = 7801, 7802
# Small limits, so that they are reached soon. POSTS leaves room for what two people publish.
KEYS, RATE, POSTS = 400, 700, 100
CANARY_PAUSE_S, CANARY_LIMIT_S = 1, 1.5
PATIENCE_S = 60
# HAProxy's time for a request, and something for a loaded machine.
SLOW_LIMIT_S = 10 + 8
# A victim may have so many files open.
VICTIM_FILES = 64
# More than dhtnode and HAProxy take after all this, and less than would be noticed.
MEMORY_MIB = 100
BUSY_CONNECTIONS = 300


def free_udp_port():
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.bind(("0.0.0.0", 0))
        return s.getsockname()[1]


class Bare:
    """A dhtnode as it is, on loopback; /key/… answers."""

    running = []

    def __init__(self, network, bootstrap=None, files=4096):
        self.http, self.udp = free_port(), free_udp_port()
        argv = ["dhtnode", "-s", "-n", str(network), "-p", str(self.udp), "--proxyserver", str(self.http),
                "--proxy-addr", "127.0.0.1"]
        if bootstrap:
            argv += ["-b", f"127.0.0.1:{bootstrap.udp}"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        Bare.running.append(self)
        wait_until("a dhtnode answers", lambda: self.ask(request("GET", path())) == 200, 20)

    def connect(self, circuit=0):
        return socket.create_connection(("127.0.0.1", self.http), timeout=SLOW_LIMIT_S)

    def ask(self, data, circuit=0, limit=SLOW_LIMIT_S):
        return ask(self.connect, data, circuit, limit)[0]

    def end(self):
        self.process.kill()
        self.process.wait()


class Own:
    """The gateway."""

    def __init__(self, directory, bootstrap):
        self.directory = directory
        subprocess.run([GATEWAY, "start", directory, "--network", str(NETWORK), "--bootstrap",
                        f"127.0.0.1:{bootstrap.udp}", "--tor-extra", NET / "client.torrc", "--keys", str(KEYS),
                        "--rate", str(RATE), "--posts", str(POSTS), "--canary-pause", str(CANARY_PAUSE_S),
                        "--canary-limit", str(CANARY_LIMIT_S)], check=True)
        self.info = json.loads((directory / "gateway.json").read_text())

    def connect(self, circuit=0):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(SLOW_LIMIT_S)
        s.connect(self.info["door"])
        s.sendall(f"PROXY TCP6 fc00:dead:beef:4dad::{circuit >> 16:x}:{circuit & 0xffff:x} ::1 65535 80\r\n".encode())
        return s

    def ask(self, data, circuit=0, limit=SLOW_LIMIT_S):
        return ask(self.connect, data, circuit, limit)[0]

    def child(self, name):
        """The process id of one of its programs."""
        for pid in pathlib.Path(f"/proc/{self.info['pid']}/task/{self.info['pid']}/children").read_text().split():
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name:
                return int(pid)
        return None

    def log(self):
        return (self.directory.parent / (self.directory.name + ".log")).read_text()

    def canary(self, circuit=1):
        """What is stored is found, at the other node."""
        key, record = path(), body()
        return (self.ask(request("POST", key, record), circuit) == 200
                and json.loads(record)["data"] in ask(self.connect, request("GET", key), circuit, SLOW_LIMIT_S)[1]
                .replace("\\/", "/"))

    def end(self):
        subprocess.run([GATEWAY, "stop", self.directory], check=True)


def ask(connect, data, circuit, limit):
    """Status and text of the answer: 0 when there is none, -1 when the limit passes."""
    text = b""
    try:
        with connect(circuit) as s:
            s.settimeout(limit)
            s.sendall(data)
            while piece := s.recv(65536):
                text += piece
    except socket.timeout:
        return -1, text.decode(errors="replace")
    except OSError:
        pass
    head = text.split(b" ", 2)
    return int(head[1]) if len(head) > 1 and head[1].isdigit() else 0, text.decode(errors="replace")


def path():
    return "/key/" + secrets.token_hex(20)


def body(**more):
    """A record as tacetd stores it, and what an attacker puts beside it."""
    data = base64.b64encode(secrets.token_bytes(512)).decode()
    return json.dumps({"data": data, "type": 0} | more, separators=(",", ":"))


def request(method, where, content="", *lines):
    head = [f"{method} {where} HTTP/1.1", "Host: gateway", "Connection: close", *lines]
    if method != "GET" or content:
        head.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*head, "", content]).encode()


def chunked(content):
    return request("POST", path(), "", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"") + \
        f"{len(content):x}\r\n{content}\r\n0\r\n\r\n".encode()


# What is asked, what a bare dhtnode says (None: not tried, it would hang or break), and what the door says.
REFUSED = [
    ("all that it knows of the network", request("GET", "/node/info"), 200, 404),
    ("its front page", request("GET", "/"), 200, 404),
    ("to listen for ever", request("GET", path() + "/listen"), None, 404),
    ("a key that is no key", request("GET", "/key/what"), 200, 404),
    ("a key in capitals", request("GET", path().upper()), None, 404),
    ("a query", request("GET", path() + "?x=y"), None, 404),
    ("another form of address", request("GET", "http://127.0.0.1" + path()), None, 400),
    ("DELETE", request("DELETE", path()), None, 405),
    ("HEAD", request("HEAD", path()), None, 405),
    ("OPTIONS", request("OPTIONS", path()), None, 405),
    ("a method of its own", request("SUBSCRIBE", path(), body()), None, 405),
    ("a body with GET", request("GET", path(), body()), None, 400),
    ("a body of 60 kB", request("POST", path(), body(x="x" * 60000)), 200, 413),
    ("a body of 100 kB that is no JSON", request("POST", path(), "x" * 100000), 400, 413),
    ("a value that lives for 7 days", request("POST", path(), body().replace(":0}", ":4}")), 200, 400),
    ("a value that is announced for a day", request("POST", path(), body(permanent=True)), 200, 413),
    ("a value in place of another", request("POST", path(), body(id="1")), 200, 413),
    *[(f"the field {name}", request("POST", path(), body(**{name: "AAAA"})), None, 413)
      for name in ("sig", "owner", "seq", "cypher", "to")],
    ("the field sig, in place of data", request("POST", path(), json.dumps({"sig": "A" * 680, "type": 0})), None, 400),
    ("the field sig, written otherwise", request("POST", path(), '{"s\\u0069g":"' + "A" * 200 + '"}'), None, 400),
    ("a record with a line more", request("POST", path(), body()[:-1] + "\n"), None, 400),
    ("a short value", request("POST", path(), '{"data":"AAAA","type":0}'), 200, 400),
    ("a body in chunks", chunked(body()), 200, 400),
    ("two lengths", request("POST", path(), body(), "Content-Length: 5"), None, 400),
    ("a head of 8 kB", request("GET", path(), "", "X: " + "x" * 8000), None, 400),
    ("forty lines of head", request("GET", path(), "", *["X: y"] * 40), None, 400),
    ("no HTTP", b"\x16\x03\x01 what?\r\n\r\n", None, 400),
]


def refuses(own, bare):
    wrong = []
    for i, (what, data, unprotected, status) in enumerate(REFUSED):
        got = (None if unprotected is None else bare.ask(data), own.ask(data, 100 + i // 8))
        if got != (unprotected, status):
            wrong.append(f"{what}: dhtnode and the door say {got}")
    assert not wrong, "\n".join(wrong)
    assert own.canary()
    say(f"{len(REFUSED)} requests refused")


def is_slow(own):
    """How long it takes until those are closed who say little, or nothing."""
    beginnings = [b"", b"GET /key", request("POST", path(), body())[:-100]]
    took = []

    def trickle(circuit, data):
        began = time.monotonic()
        with own.connect(circuit) as s:
            s.sendall(data)
            s.settimeout(1)
            try:
                while time.monotonic() - began < 2 * SLOW_LIMIT_S:
                    try:
                        if not s.recv(4096):
                            break
                    except socket.timeout:
                        # A byte a second.
                        s.sendall(b"A" * bool(data))
            except OSError:
                pass
        took.append(time.monotonic() - began)

    threads = [threading.Thread(target=trickle, args=(200 + i, data)) for i, data in enumerate(beginnings)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(f"slow ones are closed after {max(took):.0f} s")
    assert max(took) < SLOW_LIMIT_S, took


def is_crowded(own, victim):
    """Connections that say nothing, more than there are descriptors."""
    connections = [victim.connect() for _ in range(VICTIM_FILES)]
    assert victim.ask(request("GET", path()), limit=3) != 200
    for s in connections:
        s.close()
    say("the bare dhtnode", "answers again" if victim.ask(request("GET", path()), limit=3) == 200 else
        "is deaf for good", f"after {VICTIM_FILES} connections")
    crowd = []
    for i in range(BUSY_CONNECTIONS):
        try:
            crowd.append(own.connect(300 + i // 8))
        except BlockingIOError:  # so many wait already
            break
    took = wait_until("the crowd is gone", own.canary, 2 * SLOW_LIMIT_S)
    for s in crowd:
        s.close()
    say(f"the gateway answers after {took:.0f} s, with {len(crowd)} silent connections")
    few = [own.connect(400) for _ in range(12)]
    time.sleep(0.5)
    # They are taken in no order.
    closed = 0
    for s in few:
        s.setblocking(False)
        try:
            closed += s.recv(1) == b""
        except BlockingIOError:
            pass
        s.close()
    assert closed == 4, f"{closed} of 12 connections of one circuit were closed"


def is_watched(own):
    pid = own.child("dhtnode")
    os.kill(pid, signal.SIGSTOP)
    took = wait_until("it is replaced", lambda: own.child("dhtnode") not in (None, pid))
    took += wait_until("it answers", own.canary, PATIENCE_S)
    assert "canaries" in own.log()
    say(f"a node that hangs: canaries are answered again after {took:.0f} s")
    for name in ("dhtnode", "haproxy"):
        os.kill(own.child(name), signal.SIGKILL)
        took = wait_until("it answers", lambda: own.child(name) and own.canary(), PATIENCE_S)
        say(f"{name} killed: canaries are answered again after {took:.0f} s")


def count_until(status, asking):
    """How many are answered with 200 before the first with this status."""
    count = 0
    for got in asking:
        if got == status:
            return count
        assert got == 200, got
        count += 1
    raise AssertionError(f"{count} were answered, and no end")


def is_flooded(own):
    """Each limit, and who is not meant by it goes on."""
    where, empty = path(), path()
    assert own.ask(request("GET", empty), 499) == 200
    count = count_until(429, (own.ask(request("POST", where, body()), 500) for _ in range(30)))
    assert count == 16, count
    say(f"{count} values were stored under one key")
    count = count_until(429, (own.ask(request("GET", empty), 501) for _ in range(90)))
    assert count == 60 and own.ask(request("GET", empty), 502) == 200, count
    say(f"{count} requests went through on one circuit, and others meanwhile")
    count = count_until(503, (own.ask(request("POST", path(), body()), 600 + i // 8) for i in range(2 * POSTS)))
    say(f"{count} more values were stored in 10 s")
    count = count_until(503, (own.ask(request("GET", path()), 700 + i // 50) for i in range(KEYS + 1)))
    assert own.ask(request("GET", where), 901) == 200, "a key from before"
    say(f"{count} more keys were looked up, no more than {KEYS} in all; those from before are answered")
    # As fast as it goes: all that a circuit may ask, in one piece.
    again = request("GET", empty).replace(b"Connection: close\r\n", b"")
    texts = [ask(own.connect, again * 59 + request("GET", empty), 1000 + i, SLOW_LIMIT_S)[1] for i in range(RATE // 30)]
    count = sum(text.count("HTTP/1.1 200") for text in texts)
    assert 0 < count <= RATE and "HTTP/1.1 503" in texts[-1], count
    say(f"{count} more requests went through in 10 s")
    wait_until("it answers again", lambda: own.ask(request("GET", where), 902) == 200, PATIENCE_S)
    assert own.ask(request("GET", path()), 902) == 503, "a new key"


def is_small(own):
    for name in ("dhtnode", "haproxy"):
        status = pathlib.Path(f"/proc/{own.child(name)}/status").read_text()
        mib = int(status.split("VmRSS:")[1].split()[0]) // 1024
        say(f"{name} has {mib} MiB")
        assert mib < MEMORY_MIB


async def people_meet(own):
    pair = Pair(gateway=own.info["address"], gateway_timeout="15s")
    pair.start()
    try:
        alice, bob = Client(pair.alice, "alice"), Client(pair.bob, "bob")
        began = time.monotonic()
        await asyncio.gather(alice.login(), bob.login())
        await asyncio.gather(alice.until("sees bob", lambda: alice.sees(pair.bob_id)),
                             bob.until("sees alice", lambda: bob.sees(pair.alice_id)))
        say(f"two people met through it after {time.monotonic() - began:.1f} s")
        alice.say_to(pair.bob_id, "hello")
        await bob.until("has it", lambda: bob.messages)
        await asyncio.gather(alice.logout(), bob.logout())
    finally:
        pair.stop()


def installs(directory):
    """Files that their programs take; nft where it is allowed."""
    subprocess.run([GATEWAY, "install", "--root", directory], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["haproxy", "-c", "-q", "-f", directory / "etc/tacet-gateway/haproxy.cfg"], check=True)
    for unit in (directory / "etc/systemd/system").iterdir():
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        wrong = [line for line in done.stderr.splitlines()
                 if unit.name in line and "is not executable" not in line and "man " not in line]
        assert not wrong, wrong
    # Its users are not there yet.
    rules = (directory / "etc/tacet-gateway/tacet-gateway.nft").read_text()
    for i, name in enumerate(("node", "door")):
        rules = rules.replace(f'"tacet-gw-{name}"', str(60000 + i))
    done = shutil.which("nft") and subprocess.run(["unshare", "--net", "nft", "-f", "-"], input=rules, text=True,
                                                  capture_output=True, check=False)
    if not done or "not permitted" in done.stderr:
        say("no firewall of one's own here: left out")
    else:
        assert done.returncode == 0, done.stderr


async def own_gateway():
    top = pathlib.Path(tempfile.mkdtemp(prefix="tacet-own-", dir="/tmp"))
    own = None
    try:
        installs(top / "root")
        victim = Bare(VICTIMS, files=VICTIM_FILES)
        bare = Bare(VICTIMS, victim)
        peer = Bare(NETWORK)
        own = Own(top / "gateway", peer)
        wait_until("it answers", own.canary)
        refuses(own, bare)
        is_crowded(own, victim)
        is_watched(own)
        await asyncio.gather(people_meet(own), asyncio.to_thread(is_slow, own))
        is_flooded(own)
        is_small(own)
    finally:
        if own:
            own.end()
        for node in Bare.running:
            node.end()
        shutil.rmtree(top)


if __name__ == "__main__":
    if not shutil.which("haproxy"):
        print("no haproxy here")
        sys.exit(77)
    main(own_gateway)
