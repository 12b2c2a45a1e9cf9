#!/usr/bin/python3
"""What tacetd costs that has nothing to do: memory, start, size; beside Prosody in the same run.

  TACET_TESTNET=/tmp/net TACET_BUILD=build tests/bench/memory.py [--json] [--starts 10]

  memory  of a daemon with one account on the private network, with its tor and gateways, after it has been
          idle for two minutes; Prosody with one account. Rss counts each page of a library as if nobody else
          used it, Anonymous is what is in no file. A minute after its start tacetd gives back pages that only
          the start needed (core/base/trim.h), so the Rss before that stands beside it.
  start   from exec to a connection to the XMPP port, without tor, with one account; the median
  size    of the programs and the library, stripped

Needs prosody (Debian package) and strip.
"""

import argparse
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import BUILD, Daemon, free_port  # noqa: E402
from figures import figure  # noqa: E402

# Before and after the moment at which memory is given back (component/main.c).
YOUNG_S, IDLE_S = 50, 180
LIMIT_S = 30
FILES = {"tacetd": "tacetd", "tacetctl": "tacetctl", "libtacet": ".libs/libtacet.so"}


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


def tacetd_starts(count):
    daemon = Daemon("start", log_level="warn")
    # Nobody is there: it tries again now and then.
    for key in ("tor-program", "tor-extra-file"):
        del daemon.settings[key]
    daemon.settings |= {"tor-control": f"unix:{daemon.directory}/none", "tor-socks": f"unix:{daemon.directory}/none"}
    daemon.start()
    daemon.account("me")
    daemon.stop()
    times = []
    for _ in range(count):
        process, took = start([str(BUILD / "tacetd"), "-c", str(daemon.config)], daemon.port)
        times.append(took)
        end(process)
    daemon.remove()
    return times


def sizes():
    with tempfile.TemporaryDirectory(prefix="tacet-size-", dir="/tmp") as directory:
        for name, file in FILES.items():
            # libtool puts a script where a program needs a library of this tree.
            source = BUILD / ".libs" / file if (BUILD / ".libs" / file).exists() else BUILD / file
            copy = pathlib.Path(directory) / name
            if not source.exists():
                print(f"there is no {source}: left out")
                continue
            subprocess.run(["strip", "-o", str(copy), str(source)], check=True)
            yield name, copy.stat().st_size / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--starts", type=int, default=10)
    options = parser.parse_args()
    rows = []
    home = pathlib.Path(tempfile.mkdtemp(prefix="tacet-prosody-", dir="/tmp"))
    try:
        words, port = prosody(home)
        ours, theirs = tacetd_starts(options.starts), []
        for _ in range(options.starts):
            process, took = start(words, port)
            theirs.append(took)
            end(process)
        process, _ = start(words, port)
        try:
            young, old = idle()
            other = memory(process.pid)
        finally:
            end(process)
    finally:
        shutil.rmtree(home)
    for name, value in old.items():
        rows.append((f"idle, {name}", value, "KiB", other[name], "value <= 8192" if name == "Rss" else None))
    rows.append(("a minute old, Rss", young["Rss"], "KiB", other["Rss"], None))
    rows.append(("start to open port", statistics.median(ours), "ms", statistics.median(theirs), "value <= 50"))
    rows += [(f"size of {name}", value, "KiB", None, None) for name, value in sizes()]
    for name, value, unit, reference, target in rows:
        if options.json:
            figure("memory", name, value, unit, reference, target)
        elif reference:
            print(f"{name:22} {value:9.1f} {unit}   Prosody {reference:9.1f}   ratio {value / reference:5.2f}")
        else:
            print(f"{name:22} {value:9.1f} {unit}")


if __name__ == "__main__":
    main()
