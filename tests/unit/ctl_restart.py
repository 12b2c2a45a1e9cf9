#!/usr/bin/python3
"""`tacetctl listen` and `bot` when the daemon ends and comes back: nothing is printed or run twice, nothing is
lost. The daemon is a fake, since it has to end at the worst moments."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile

from fake_daemon import PATIENCE_S, FakeDaemon

TACETCTL = pathlib.Path(os.environ["top_builddir"]) / "tacetctl"
CONTACT = "a" * 56


class Daemon(FakeDaemon):
    def listens(self):
        self.accept().asked("listen")
        self.say(ok=True, account="ann")
        return self

    def message(self, number, body):
        self.say(event="message", account="ann", contact=CONTACT, name="Ben", number=number, time_ms=number * 1000,
                 id=f"id{number}", replaces="", body=body)

    def taken(self, number):
        assert self.asked("taken") == {"contact": CONTACT, "number": number}


def start(path, *words, **more):
    return subprocess.Popen([str(TACETCTL), "-s", str(path), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **more)


def listen_goes_on(directory):
    path = directory / "control"
    daemon = Daemon(path)
    process = start(path, "listen", "-a", "ann", "--json")
    daemon.listens().message(1, "one")
    daemon.taken(1)
    daemon.end()  # before it has answered: it will hand the message over again
    daemon = Daemon(path)
    daemon.listens().message(1, "one")
    daemon.taken(1)
    daemon.say(ok=True)
    daemon.message(2, "two")
    daemon.taken(2)
    daemon.say(ok=True)
    # The same words as another message are another message.
    daemon.message(3, "two")
    daemon.taken(3)
    daemon.end()
    # Locked for a moment, then there.
    daemon = Daemon(path)
    daemon.accept().asked("listen")
    daemon.say(ok=False, code="state", error="locked: tacetctl unlock")
    daemon.listens()
    daemon.message(4, "four")
    daemon.taken(4)
    daemon.say(ok=True)
    # A refusal that stays one.
    daemon.close()
    daemon.accept().asked("listen")
    daemon.say(ok=False, code="exists", error="another program takes the messages of ann")
    assert process.wait(PATIENCE_S) == 1
    daemon.end()
    lines = [json.loads(line) for line in process.stdout]
    assert [line.get("body") for line in lines] == ["one", "two", "two", "four", None], lines
    assert lines[-1]["ok"] is False and "another program" in lines[-1]["error"], lines[-1]
    said = process.stderr.read()
    assert said.count("trying again") == 3 and said.count("ann listens") == 3, said


def once_ends(directory):
    path = directory / "control"
    for words in (["listen"], ["bot", "--exec", "true"]):
        where = words.index("--exec") if "--exec" in words else len(words)
        for once in (True, False):
            daemon = Daemon(path) if once else None
            process = start(path, *words[:where], *(["--once"] if once else []), *words[where:])
            if once:
                daemon.listens().end()
            # One that was never there is not waited for.
            assert process.wait(PATIENCE_S) == 3, (words, once)
            assert "trying again" not in process.stderr.read()


def bot_goes_on(directory):
    path, runs = directory / "control", directory / "runs"
    daemon = Daemon(path)
    command = f'read -r text; echo "$text" >> {runs}; while [ ! -e {directory}/go ]; do sleep 0.1; done; echo "to $text"'
    process = start(path, "bot", "-a", "ann", "--exec", "sh", "-c", command)
    daemon.listens().message(1, "one")
    while not runs.exists():
        pass
    daemon.end()  # while the command runs
    daemon = Daemon(path)
    daemon.listens()
    (directory / "go").touch()  # before the message is handed over again, or after
    daemon.message(1, "one")
    assert daemon.asked("send") == {"account": "ann", "contact": CONTACT, "text": "to one"}
    daemon.say(ok=True)
    daemon.taken(1)
    daemon.end()  # the message was forgotten, but nobody has said so
    daemon = Daemon(path)
    daemon.listens().message(1, "one")
    daemon.taken(1)
    daemon.say(ok=True)
    daemon.message(2, "two")
    assert daemon.asked("send")["text"] == "to two"
    daemon.say(ok=True)
    daemon.taken(2)
    daemon.say(ok=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    daemon.end()
    assert runs.read_text() == "one\ntwo\n", runs.read_text()
    assert process.stderr.read().count("trying again") == 2


with tempfile.TemporaryDirectory(prefix="tacet-ctl-") as name:
    for test in (listen_goes_on, once_ends, bot_goes_on):
        test(pathlib.Path(name))
        print(test.__name__.replace("_", " "))
