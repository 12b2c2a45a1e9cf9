#!/usr/bin/python3
"""`tacetctl bench` measures all that it promises: with a tor of its own and with the daemon's; it draws a picture,
leaves nothing behind, ends in time and when it is interrupted, and says what it could not measure."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from lib import BUILD, Daemon, main, say, wait_until

KINDS = ["request", "put", "connect", "message", "contact"]
# Nobody listens there.
DEAD = "http://127.0.0.1:1"
tmp = pathlib.Path(tempfile.mkdtemp(prefix="tacet-benchtest-", dir="/tmp"))


def start(daemon, *words, **settings):
    return subprocess.Popen([str(BUILD / "tacetctl"), "-c", str(daemon.config), *words],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=os.environ | {"TMPDIR": str(tmp)} | settings)


def bench(daemon, code, *words, **settings):
    process = start(daemon, "bench", *words, **settings)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == code, (process.returncode, out, errors)
    assert os.listdir(tmp) == [], "it has left something behind"
    return out, errors


def tors():
    return {p.name for p in pathlib.Path("/proc").iterdir() if p.name.isdigit() and is_tor(p)}


def is_tor(process):
    """One that was started below our directory."""
    try:
        return str(tmp) in (process / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return False


def check(report, rounds):
    assert [f["name"] for f in report["figures"]] == KINDS, report
    for figure in report["figures"]:
        count = rounds * (5 if figure["name"] == "message" else 1)
        assert (figure["count"], figure["failed"]) == (count, 0), figure
        assert 0 < figure["median_s"] <= figure["p95_s"] < 60, figure
        assert figure["paper_mean_s"] > 1, figure
        say(f"{figure['name']:8} {figure['median_s']:.3f} s")
    assert report["ok"] and report["calculated_contact_s"] > 0, report


def own_tor(daemon):
    picture = daemon.directory / "bench.svg"
    words = ["--plot", str(picture)] if shutil.which("gnuplot") else []
    out, _ = bench(daemon, 0, "--json", "-n", "2", *words)
    check(json.loads(out), 2)
    if words:
        drawn = picture.read_text()
        assert "<svg" in drawn and "onion" in drawn, drawn[:500]
    assert not daemon.directory.joinpath("state").exists()


def mistakes(daemon):
    for words in (["-n", "0"], ["-n", "x"], ["--timeout", "soon"], ["--plot", "picture.gif"], ["more"]):
        bench(daemon, 2, *words)
    _, errors = bench(daemon, 2, "--plot", "picture.svg", PATH="/nonexistent")
    assert "gnuplot" in errors, errors


def daemons_tor(daemon):
    """The daemon's accounts do not notice: nobody is added, nothing of it changes."""
    daemon.start()
    ann = daemon.account("ann")
    wait_until("tor is ready", lambda: daemon.ctl("status")["tor"]["progress"] == 100)
    process = start(daemon, "bench", "-n", "1", "--json")
    seen = set()
    while process.poll() is None:
        seen |= tors()
        time.sleep(0.1)
    assert process.returncode == 0, process.stderr.read()
    check(json.loads(process.stdout.read()), 1)
    assert not seen, "a tor of its own"
    [account] = daemon.ctl("status")["accounts"]
    assert account["id"] == ann and account["contacts"] == [], account


def cut_short(daemon):
    """Interrupted, and at its limit: what there is is printed. A kind without a sample: 1."""
    process = start(daemon, "bench", "-n", "1000")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert process.returncode in (0, 1) and "first contact" in out, (out, errors)
    assert os.listdir(tmp) == []
    began = time.monotonic()
    out, _ = bench(daemon, 1, "--timeout", "1s")
    assert "in 2006" in out and time.monotonic() - began < 20, out


def dead_gateways(daemon):
    daemon.settings["gateway"] = [DEAD]
    daemon.write_config()
    out, _ = bench(daemon, 1, "--json", "-n", "1", "--timeout", "8s")
    report = json.loads(out)
    assert not report["ok"], report
    request = report["figures"][0]
    assert request["failed"] == 1 and request["count"] == 0 and "mean_s" not in request, request


def no_tor(daemon):
    daemon.settings["tor-program"] = daemon.directory / "no-tor"
    daemon.write_config()
    _, errors = bench(daemon, 3, "--timeout", "2s")
    assert "tor is not ready" in errors, errors


def all_of_them():
    daemon = Daemon("bench")
    daemon.write_config()
    own_tor(daemon)
    assert not tors(), "a tor is left"
    mistakes(daemon)
    daemons_tor(daemon)
    cut_short(daemon)
    dead_gateways(daemon)
    daemon.stop()
    no_tor(daemon)
    daemon.remove()
    tmp.rmdir()


main(all_of_them)
