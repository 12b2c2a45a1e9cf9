#!/usr/bin/python3
"""`tacetctl bot`: how many runs there are at once, what it may be told of limits, and that no shell ever sees what
a contact has written or what stands on the command line. The daemon is a fake: it hands over what a test wants."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time

from fake_daemon import PATIENCE_S, FakeDaemon

TACETCTL = pathlib.Path(os.environ["top_builddir"], "tacetctl").resolve()
# Long enough for a run that must not begin to show itself.
MOMENT_S = 0.5
EVIL = "$(touch evil) `touch evil` ; touch evil | touch evil & 'quoted' \"twice\""


def message(contact, body):
    """Of a contact of this number."""
    return {"event": "message", "account": "ann", "contact": f"{contact:056}", "name": EVIL, "number": 1, "time_ms": 1000,
            "id": "id1", "replaces": "", "body": body}


class Bot:
    """A bot, and the daemon that it listens to."""

    def __init__(self, directory, *words):
        self.daemon = FakeDaemon(directory / "control")
        self.process = subprocess.Popen([str(TACETCTL), "-s", str(directory / "control"), "bot", *words], cwd=directory,
                                        stderr=subprocess.PIPE, text=True)
        self.daemon.accept().asked("listen")
        self.daemon.say(ok=True, account="ann")

    def answer(self):
        """Its next one; the daemon stores it, and forgets the message."""
        answer = self.daemon.asked("send")
        self.daemon.say(ok=True)
        assert self.daemon.asked("taken")["contact"] == answer["contact"]
        self.daemon.say(ok=True)
        return answer["text"]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, self.process.stderr.read()
        self.process.stderr.close()
        self.daemon.end()


def until(what, condition):
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.02)


def some_at_once(directory):
    """Two of three contacts; the third when one of them has been answered."""
    bot = Bot(directory, "--jobs", "2", "--exec", "sh", "-c",
              'read -r n; touch "began.$n"; until [ -e "go.$n" ]; do sleep 0.05; done; echo "to $n"')
    for number in range(3):
        bot.daemon.say(**message(number, str(number)))
    began = [directory / f"began.{number}" for number in range(3)]
    until("two have begun", lambda: began[0].exists() and began[1].exists())
    time.sleep(MOMENT_S)
    assert not began[2].exists(), "three at once"
    (directory / "go.1").touch()
    assert bot.answer() == "to 1"
    until("the third has begun", began[2].exists)
    for number in (2, 0):
        (directory / f"go.{number}").touch()
        assert bot.answer() == f"to {number}"
    bot.end()


def no_shell(directory):
    for words, body, want in ((["cat"], EVIL, EVIL), (["printf", "%s|%s", EVIL, "a b  c"], "x", EVIL + "|a b  c"),
                              (["printenv", "TACET_FROM_NAME"], "x", EVIL)):
        bot = Bot(directory, "--exec", *words)
        bot.daemon.say(**message(1, body))
        assert bot.answer() == want, words
        bot.end()
    # One word is the name of a program, not a line for a shell.
    done = subprocess.run([str(TACETCTL), "-s", str(directory / "control"), "bot", "--exec", "touch evil"], cwd=directory,
                          capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode != 0 and "touch evil" in done.stderr, done
    assert not (directory / "evil").exists()


def limits_have_limits(directory):
    for words in (["--jobs", "0"], ["--jobs", "many"], ["--jobs", "-1"], ["--max-output", "0"], ["--max-output", "1x"],
                  ["--timeout", "0s"], ["--timeout", "soon"]):
        done = subprocess.run([str(TACETCTL), "-s", str(directory / "control"), "bot", *words, "--exec", "true"],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 2 and done.stderr, (words, done)


for test in (some_at_once, no_shell, limits_have_limits):
    with tempfile.TemporaryDirectory(prefix="tacet-bot-") as name:
        test(pathlib.Path(name))
    print(test.__name__.replace("_", " "))
