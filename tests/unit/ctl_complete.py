#!/usr/bin/python3
"""What tacetctl offers to a shell, against its own usage; the scripts for bash and, where it is there, zsh."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

from fake_daemon import FakeDaemon, usage

TACETCTL = pathlib.Path(os.environ["top_builddir"], "tacetctl").resolve()
SCRIPTS = pathlib.Path(os.environ["top_srcdir"]) / "deploy/completion"
ID = "a" * 56
CONTACTS = [("Ben", ID), ("Ann Smith", "b" * 56), ("$(touch evil)", "c" * 56), ("twin", "d" * 56), ("twin", "e" * 56),
            ("bad\x1b[0m", "f" * 56), ("-x", "g" * 56)]
OFFERED = ["Ben", "Ann Smith", "$(touch evil)", "d" * 56, "e" * 56, "f" * 56, "g" * 56]
ANSWERS = {
    "account list": {"accounts": [{"name": "ann"}, {"name": "bot"}]},
    "contact list": {"contacts": [{"name": name, "id": id} for name, id in CONTACTS]},
    "requests": {"requests": [{"id": ID, "name": "x"}]},
    "blocked": {"blocked": [ID]},
}


def run(*words):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, (words, done)
    return done.stdout.splitlines()


def offered(*words):
    return run(TACETCTL, "complete", "--", *words)


def the_table(nowhere):
    """Every command, and each of its options and words, is offered where it may stand, and no other option."""
    for words, rest in usage(TACETCTL):
        *before, last = words.split()
        assert last in offered(*before, ""), words
        assert last in offered(*before, last[:2]), words
        have = {word for word in offered("-s", nowhere, *words.split(), "--")}
        options = set(re.findall(r"--[a-z-]+", rest)) | ({"--account"} if "[-a NAME]" in rest else set())
        extra = have - options - {"--config", "--socket", "--json", "--help", "--version"}
        assert options <= have and extra <= {"--account"}, (words, options, have)
        literal = re.findall(r"(?:^|[ |\[])((?:[a-z]+\|)+[a-z]+)\]?$", rest)
        for word in literal[0].split("|") if literal else []:
            given = ["x"] * len(re.findall(r"(?:^| )(?:NAME|ID\|PETNAME) ", re.sub(r"\[-a NAME\]", "", rest)))
            assert word in offered("-s", nowhere, *words.split(), *given, ""), (words, word)
    assert offered("nonsense", "") == [] and offered("bot", "--exec", "ls", "-") == []
    assert offered("account", "add", "x", "--bot", "--accept=") == ["--accept=invited", "--accept=nobody"]
    assert offered("account", "add", "x", "--bot", "--accept", "n") == ["nobody"]
    assert "complete" not in offered("")


def the_daemon(socket, *words):
    """What is offered while the daemon answers; which requests it got."""
    daemon = FakeDaemon(socket)
    requests = []

    def serve():
        daemon.accept()
        requests.append(daemon.request())
        daemon.say(ok=True, **ANSWERS[requests[-1]["cmd"]])

    thread = threading.Thread(target=serve)
    thread.start()
    found = run(*words)
    thread.join()
    daemon.end()
    return found, requests


def names(socket):
    for words, want in ((["id", ""], ["ann", "bot"]), (["send", "-a", "b"], ["bot"]), (["listen", "--account=b"],
                        ["--account=bot"]), (["listen", "--account", "=", "b"], ["bot"]), (["account", "remove", ""],
                        ["ann", "bot"]), (["contact", "remove", ""], OFFERED), (["send", "A"], ["Ann Smith"]),
                        (["accept", ""], [ID]), (["unblock", ""], [ID])):
        found, _ = the_daemon(socket, TACETCTL, "complete", "--", "-s", socket, *words)
        assert found == want, (words, found)
    _, [asked] = the_daemon(socket, TACETCTL, "complete", "--", "-s", socket, "-a", "ann", "send", "")
    assert asked == {"cmd": "contact list", "args": {"account": "ann"}}
    assert offered("-s", socket, "send", "") == [], "the daemon does not run"


def bash(socket, evil):
    script = f"""source {SCRIPTS}/tacetctl.bash
        COMP_WORDS=({TACETCTL} -s {socket} send ""); COMP_CWORD=4
        _tacetctl {TACETCTL}; eval "printf '%s\\n' ${{COMPREPLY[*]}}" """
    found, _ = the_daemon(socket, "bash", "-c", script)
    assert found == OFFERED, found
    assert not pathlib.Path(evil).exists()


def zsh(socket):
    if not shutil.which("zsh"):
        print("no zsh here")
        return
    script = f"""compadd() {{ print -rl -- "$@" }}; _files() {{ print files }}
        words=({TACETCTL} -s {socket} $1 ""); CURRENT=$#words
        complete_it() {{ source {SCRIPTS}/_tacetctl }}; complete_it"""
    found, _ = the_daemon(socket, "zsh", "-fc", script, "zsh", "send")
    assert found == ["--", *OFFERED], found
    assert run("zsh", "-fc", script, "zsh", "restore") == ["files"]


with tempfile.TemporaryDirectory(prefix="tacet-ctl-") as name:
    directory = pathlib.Path(name)
    os.chdir(directory)
    the_table(directory / "nobody")
    names(directory / "control")
    bash(directory / "control", "evil")
    zsh(directory / "control")
print("commands, options, words and names are offered")
