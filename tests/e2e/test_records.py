#!/usr/bin/python3
"""What the ring holds: every value is 512 bytes, and nothing repeats but what is the same record.

A dhtnode of our own joins the ring and is told of every value that is stored in it (each value goes to
the 8 nodes nearest to its key, and the ring has fewer), as an attacker's node would be.
"""

import base64
import hashlib
import json
import secrets
import subprocess
import time
import urllib.request

from lib import NET, Daemon, free_port, main, say, wait_until

CONTACTS = 20
REPLICAS = 3
RUN = 8  # bytes; two random strings of this test's size share such a run once in 10^10 tests


class Watcher:
    """A node of the ring with its console."""

    def __init__(self):
        pids = json.loads((NET / "testnet.json").read_text())["dht_pids"]
        words = open(f"/proc/{pids[0]}/cmdline", encoding="ascii").read().split("\0")
        self.process = subprocess.Popen(
            ["dhtnode", "-U", "-n", "7777", "-p", str(free_port()), "-b",
             "127.0.0.1:" + words[words.index("-p") + 1]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def keys(self):
        """All keys under which this node holds values."""
        self.process.stdin.write("ld\n")
        self.process.stdin.flush()
        keys = set()
        for line in self.process.stdout:
            words = line.replace(">>", "").split()
            if words[:1] == ["Storage"]:
                keys.add(words[1])
            if words[:1] == ["Total"]:
                return keys
        raise AssertionError("the watching node ended")

    def stop(self):
        self.process.kill()
        self.process.wait()


def values(gateway, key):
    with urllib.request.urlopen(f"{gateway}/key/{key}", timeout=10) as answer:
        return [base64.b64decode(json.loads(line)["data"]) for line in answer if line.strip()]


def an_id():
    """The id of somebody who will never come."""
    # The top bit of an X25519 public key is always clear.
    key, version = secrets.token_bytes(31) + bytes([secrets.randbelow(128)]), b"\x01"
    check = hashlib.sha256(b"tacet id" + version + key).digest()[:2]
    return key, base64.b32encode(key + check + version).decode().lower()


def nothing_repeats():
    gateway = (NET / "gateways").read_text().split()[0]
    watcher = Watcher()
    daemon = Daemon("records")
    try:
        wait_until("the watcher joins", lambda: watcher.keys() is not None)
        before = watcher.keys()
        daemon.start()
        own = daemon.account("records")
        contacts = [an_id() for _ in range(CONTACTS)]
        for _, contact in contacts:
            daemon.ctl("contact", "add", contact)
        took = wait_until("all records are out",
                          lambda: len(watcher.keys() - before) >= CONTACTS * REPLICAS)
        # Those of a neighbouring epoch may still be on their way.
        time.sleep(5)
        keys = watcher.keys() - before
        say(f"{len(keys)} keys for {CONTACTS} contacts, all out after {took:.1f} s, tor's start included")
        records = {key: values(gateway, key) for key in keys}
        for key, found in records.items():
            assert found, f"no value under {key}"
            assert all(len(v) == 512 for v in found), f"{[len(v) for v in found]} bytes under {key}"
        flat = [v for found in records.values() for v in found]
        seen = {}
        for i, text in enumerate(flat + [bytes.fromhex(k) for k in keys]):
            for at in range(len(text) - RUN + 1):
                run = text[at:at + RUN]
                assert seen.setdefault(run, i) == i, f"{run.hex()} stands in two values or keys"
        own_key = base64.b32decode(own.upper())[:32]
        for secret in [own_key, own.encode()] + [s for key, text in contacts for s in (key, text.encode())]:
            assert not any(secret[:RUN] in v for v in flat), "an id stands in a record"
        say(f"{len(flat)} values of 512 bytes, no {RUN} bytes twice in them or their keys")
    finally:
        watcher.stop()
        daemon.stop()
        daemon.remove()


if __name__ == "__main__":
    main(nothing_repeats)
