#!/usr/bin/python3
"""Every command of tacetctl with --json: whatever happens, what it prints is JSON; and every exit code of the
manual is reached; the manual has every command and option."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading

from fake_daemon import FakeDaemon, usage

TACETCTL = pathlib.Path(os.environ["top_builddir"], "tacetctl").resolve()
MANUAL = pathlib.Path(os.environ["top_srcdir"]) / "deploy/man/tacetctl.1"
# What stands for something in a line of usage, and must be there; all files are standard input.
SAMPLES = {"NAME": "ann", "ID": "a" * 56, "ID|PETNAME": "Ben", "LINK": "tacet:x", "FILE": "backup", "NUMBER": "1",
           "NUMBER|all": "all", "DAYS": "3", "yes|no": "yes", "TEXT…|-": "hello"}
# They ask the daemon several things, look at this machine, or (bench) make a network of their own.
OTHERS = {"send", "listen", "bot", "doctor", "bench", "trust"}
codes = set()


def run(*words):
    done = subprocess.run([str(TACETCTL), *map(str, words)], input="secret\n", capture_output=True, text=True,
                          timeout=60)
    codes.add(done.returncode)
    return done


def arguments(words, rest):
    """A command line that the daemon is asked with."""
    needed = re.sub(r"\[[^\[\]]*\]", "", re.sub(r"\[[^\[\]]*\]", "", rest)).split()
    given = [*words.split(), *([SAMPLES[word] for word in needed] if words not in ("bot", "bench") else [])]
    for option in re.findall(r"--pass[a-z]+-file", rest):
        given += [option, "-"]
    return given + (["--yes"] if words == "account remove" else [])


def ask(socket, words, *answers):
    """What tacetctl prints when the daemon answers so."""
    daemon = FakeDaemon(socket)

    def serve():
        daemon.accept().request()
        for answer in answers:
            daemon.say(**answer)

    thread = threading.Thread(target=serve)
    thread.start()
    done = run("-s", socket, "--json", *words)
    thread.join()
    daemon.end()
    return done


def is_json(done, status, **members):
    assert done.returncode == status, done
    [line] = done.stdout.splitlines()
    answer = json.loads(line)
    assert members.items() <= answer.items(), (done, members)


def the_table(socket):
    for words, rest in usage(TACETCTL):
        line = arguments(words, rest)
        if words not in OTHERS:
            is_json(ask(socket, line, {"ok": True, "some": "thing"}), 0, ok=True, some="thing")
            is_json(ask(socket, line, {"ok": False, "code": "limit", "error": "no"}), 1, ok=False, error="no")
            assert not run("--json", "-s", socket, *line).stderr
        if words not in ("doctor", "trust", "bench"):
            line += ["--exec", "true"] if words == "bot" else []
            is_json(run("--json", "-s", socket, *line), 3, ok=False, code="unavailable")


def those_of_their_own(socket, conf):
    delivered = {"event": "delivered", "contact": "a", "number": 1, "how": "acked", "reason": ""}
    is_json(ask(socket, ["send", "Ben", "x"], {"ok": True}, delivered), 0, how="acked")
    is_json(ask(socket, ["send", "Ben", "x"], {"ok": True}, delivered | {"how": "rejected"}), 1, how="rejected")
    is_json(ask(socket, ["send", "--timeout", "300ms", "Ben", "x"], {"ok": True}), 4, ok=False, code="timeout")
    is_json(ask(socket, ["listen", "--once"], {"ok": False, "code": "exists", "error": "other"}), 1, error="other")
    is_json(ask(socket, ["bot", "--once", "--exec", "true"], {"ok": False, "code": "exists", "error": "o"}), 1, error="o")
    is_json(run("--json", "-c", conf, "doctor"), 1)
    is_json(run("--json", "-c", conf, "trust", "/nonexistent"), 1, ok=False)


def wrong_use(socket, conf):
    for words in (["nonsense"], ["send"], ["stop", "--bot"], ["bot", "-s", socket], ["--nonsense"],
                  ["invite", "--expires", "soon", "-s", socket], ["status", "-c", "/nonexistent"]):
        done = run(*words)
        assert done.returncode in (2, 3) and done.stderr and not done.stdout, done
    (conf.parent / "bad").write_text("nonsense = 1\n")
    for words in (["status"], ["send", "Ben", "x"], ["bot", "--exec", "true"], ["doctor"]):
        assert run("-c", conf.parent / "bad", *words).returncode == 2, words


def bad_text(socket):
    """What cannot be a message is refused with a reason; the daemon is not asked."""
    for data, code, words in ((b"\xff", 2, "not UTF-8"), (b"a\0b", 2, "NUL"), (b"x" * 65537, 1, "longer than 65536")):
        daemon = FakeDaemon(socket)
        done = subprocess.run([str(TACETCTL), "-s", str(socket), "send", "Ben", "-"], input=data, capture_output=True,
                              timeout=60)
        assert done.returncode == code and words in done.stderr.decode(), (data[:3], done)
        assert daemon.accept().request() is None
        daemon.end()


def the_manual():
    section = MANUAL.read_text().split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
    for words, rest in usage(TACETCTL):
        assert re.search(rf"\bCm {words}\b", MANUAL.read_text()), f"tacetctl(1) has no {words}"
        for option in re.findall(r"--([a-z-]+)", rest):
            assert re.search(rf"Fl -{option}\b", MANUAL.read_text()), f"tacetctl(1) has no --{option}"
    documented = {int(code) for code in re.findall(r"^\.It (\d+)$", section, re.MULTILINE)}
    assert documented == codes, (documented, codes)
    print("exit codes:", *sorted(codes))


with tempfile.TemporaryDirectory(prefix="tacet-ctl-") as name:
    directory = pathlib.Path(name)
    config = directory / "conf"
    config.write_text(f"state-dir = {name}/state\ntor-program = /nonexistent\n")
    os.chdir(directory)
    the_table(directory / "control")
    those_of_their_own(directory / "control", config)
    wrong_use(directory / "control", config)
    bad_text(directory / "control")
    the_manual()
