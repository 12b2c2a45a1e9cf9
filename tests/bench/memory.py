#!/usr/bin/python3
"""The memory of a tacetd that has nothing to do, beside Prosody's in the same run.

usage: TACET_TESTNET=NET TACET_BUILD=BUILD-TREE tests/bench/memory.py [--json]

One account each; tacetd on the private network, with its tor and gateways, before and after the moment, a minute
after its start, at which it gives back pages that only the start needed (core/base/trim.h). Rss counts each page
of a library as if nobody else used it, Anonymous is what is in no file. Needs prosody (Debian package).
"""

import argparse
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import Daemon, free_port  # noqa: E402
from figures import figure  # noqa: E402

# Before and after the moment at which memory is given back (component/main.c).
YOUNG_S, IDLE_S = 50, 180
LIMIT_S = 30


def until_open(process, port):
    limit = time.monotonic() + LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > limit:
                raise SystemExit("a server does not start") from None
            time.sleep(0.0005)


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait(LIMIT_S)


def start(words, port):
    """The process, and how many ms until its port was open."""
    begin = time.monotonic()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until_open(process, port)
    return process, 1000 * (time.monotonic() - begin)


def prosody(home):
    """The words that start one, and its port."""
    port = free_port()
    accounts = home / "localhost" / "accounts"
    accounts.mkdir(parents=True)
    (accounts / "me.dat").write_text('return { ["password"] = "secret" };\n')
    (home / "conf.lua").write_text(
        f'run_as_root = true\ndata_path = "{home}"\nc2s_ports = {{ {port} }}\ninterfaces = {{ "127.0.0.1" }}\n'
        'modules_enabled = { "roster", "saslauth", "disco", "carbons", "ping", "smacks", "blocklist", "private",'
        ' "vcard4", "pep", "time", "version", "presence", "message", "iq" }\nmodules_disabled = { "s2s", "tls" }\n'
        'c2s_require_encryption = false\nauthentication = "internal_plain"\n'
        f'log = {{ warn = "{home}/log" }}\nVirtualHost "localhost"\n')
    return ["prosody", "--config", str(home / "conf.lua"), "-F"], port


def memory(pid):
    sums = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split()[:2]
        sums[name] = int(value)
    return {"Rss": sums["Rss:"], "Pss": sums["Pss:"], "Anonymous": sums["Anonymous:"]}


def idle():
    """Of tacetd when it is young and when it is idle."""
    daemon = Daemon("memory", log_level="warn").start()
    daemon.account("me")
    time.sleep(YOUNG_S)
    young = memory(daemon.pid)
    time.sleep(IDLE_S - YOUNG_S)
    found = memory(daemon.pid)
    daemon.stop()
    daemon.remove()
    return young, found


def measure():
    """(name, value, reference, target), in KiB."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="tacet-memory-", dir="/tmp"))
    try:
        process, _ = start(*prosody(home))
        try:
            young, old = idle()
            other = memory(process.pid)
        finally:
            end(process)
    finally:
        shutil.rmtree(home)
    rows = [(f"idle, {name}", value, other[name], "value <= 8192" if name == "Rss" else None)
            for name, value in old.items()]
    return rows + [("a minute old, Rss", young["Rss"], other["Rss"], None)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name, value, reference, target in measure():
        if options.json:
            figure("memory", name, value, "KiB", reference, target)
        else:
            print(f"{name:22} {value:9} KiB   Prosody {reference:9}   ratio {value / reference:5.2f}")


if __name__ == "__main__":
    main()
