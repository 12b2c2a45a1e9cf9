#!/usr/bin/python3
"""How soon tacetd's XMPP port is open, without tor, beside Prosody's; and how big the programs are.

usage: TACET_BUILD=BUILD-TREE tests/bench/start.py [--starts 10] [--json]

The time is from before fork to the first connection, with one account; the median. Sizes are those of stripped
programs. Needs prosody (Debian package) and strip.
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import BUILD, Daemon  # noqa: E402
from figures import figure  # noqa: E402
from memory import end, prosody, start  # noqa: E402

FILES = {"tacetd": "tacetd", "tacetctl": "tacetctl", "libtacet": "libtacet.so"}


def took(words, port):
    process, ms = start(words, port)
    end(process)
    return ms


def tacetd_starts(count):
    daemon = Daemon("start", log_level="warn")
    # Nobody is there: it tries again now and then.
    for key in ("tor-program", "tor-extra-file"):
        del daemon.settings[key]
    daemon.settings |= {"tor-control": f"unix:{daemon.directory}/none", "tor-socks": f"unix:{daemon.directory}/none"}
    daemon.start()
    daemon.account("me")
    daemon.stop()
    times = [took([str(BUILD / "tacetd"), "-c", str(daemon.config)], daemon.port) for _ in range(count)]
    daemon.remove()
    return times


def prosody_starts(count):
    home = pathlib.Path(tempfile.mkdtemp(prefix="tacet-start-", dir="/tmp"))
    try:
        words = prosody(home)
        return [took(*words) for _ in range(count)]
    finally:
        shutil.rmtree(home)


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
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ours, theirs = (statistics.median(starts(options.starts)) for starts in (tacetd_starts, prosody_starts))
    rows = [("start until the port is open", ours, "ms", theirs, "value <= 50")]
    rows += [(f"size of {name}", value, "KiB", None, None) for name, value in sizes()]
    for name, value, unit, reference, target in rows:
        if options.json:
            figure("start", name, value, unit, reference, target)
        else:
            print(f"{name:32}{value:10.1f} {unit}" + (f"   Prosody {reference:10.1f}" if reference else ""))


if __name__ == "__main__":
    main()
