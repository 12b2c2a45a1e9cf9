#!/usr/bin/python3
"""`tacetctl listen`: a line for each message, presence and request, whatever is in it; with --json the event itself.
The daemon is a fake: it says what a test wants."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile

from fake_daemon import PATIENCE_S, FakeDaemon

TACETCTL = pathlib.Path(os.environ["top_builddir"], "tacetctl").resolve()
BEN, EVE = "b" * 56, "e" * 56
# What is said, and the line for people; None: nothing.
EVENTS = [
    ({"event": "message", "account": "ann", "contact": BEN, "name": "Ben", "number": 1, "time_ms": 1000, "id": "id1",
      "replaces": "", "body": "one\ntwo\x1b[2J\tthree\n"}, "1970-01-01 00:00:01\tBen\tone\\ntwo?[2J?three\\n"),
    ({"event": "presence", "account": "ann", "contact": BEN, "name": "Ben", "show": "dnd", "text": "busy\nall day"},
     "presence\tBen\tdnd\tbusy\\nall day"),
    ({"event": "presence", "account": "ann", "contact": BEN, "name": "", "show": "offline", "text": ""},
     f"presence\t{BEN}\toffline\t"),
    ({"event": "request", "account": "ann", "id": EVE, "name": "Eve\n", "text": "It is me", "since_ms": 1000},
     f"request\tEve?\t{EVE}\tIt is me"),
    ({"event": "missed"}, "missed\tpresences or requests were left out"),
    ({"event": "of a later version"}, None),
]


def listen(directory, *words):
    """What it writes of them."""
    daemon = FakeDaemon(directory / "control")
    process = subprocess.Popen([str(TACETCTL), "-s", str(directory / "control"), "listen", *words], text=True,
                               stdout=subprocess.PIPE, env=os.environ | {"TZ": "UTC"}, stderr=subprocess.DEVNULL)
    daemon.accept().asked("listen")
    daemon.say(ok=True, account="ann")
    for event, _ in EVENTS:
        daemon.say(**event)
        if event["event"] == "message":
            assert daemon.asked("taken") == {"contact": BEN, "number": 1}
            daemon.say(ok=True)
    lines = [process.stdout.readline() for _, line in EVENTS if line is not None]
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == -signal.SIGTERM
    assert process.stdout.read() == ""
    process.stdout.close()
    daemon.end()
    assert all(line.endswith("\n") for line in lines), lines
    return [line.removesuffix("\n") for line in lines]


with tempfile.TemporaryDirectory(prefix="tacet-listen-") as name:
    lines = listen(pathlib.Path(name))
    assert lines == [line for _, line in EVENTS if line is not None], lines
    lines = listen(pathlib.Path(name), "--json")
    assert [json.loads(line) for line in lines] == [event for event, line in EVENTS if line is not None], lines
print("a line for each")
