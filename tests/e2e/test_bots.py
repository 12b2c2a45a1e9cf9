#!/usr/bin/python3
"""Bots: one made with slixmpp, one with `tacetctl bot --exec`; programs that send and listen. A Jabber
user writes to both, a thousand messages each, and gets every answer, in order."""

import asyncio
import atexit
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from lib import BUILD, Client, Daemon, Refused, main, say, wait_until

MESSAGES = int(os.environ.get("TACET_BOT_MESSAGES", "1000"))
# What a daemon may have more after all those messages than after the first hundred, in KiB: caches
# of the database and of tor's directory come and go by less.
GROWTH_KIB = 8 * 1024
# Answers with what it was told; some words make it misbehave.
COMMAND = r'''
read -r text
case $text in
fail) echo no; exit 3 ;;
hang) sleep 1000 & sleep 1000 ;;
much) yes ;;
pid) sleep 1000 & echo $! ;;
who) echo "$TACET_FROM $TACET_FROM_NAME $TACET_ACCOUNT $TACET_TIME $TACET_ID" ;;
*) echo "You said: $text" ;;
esac
'''


started = []


@atexit.register
def end_programs():
    for process in started:
        if process.poll() is None:
            process.kill()


def program(words, **more):
    started.append(subprocess.Popen(list(map(str, words)), **more))
    return started[-1]


def tacetctl(daemon, *words, **more):
    return program([BUILD / "tacetctl", "-c", daemon.config, *words], **more)


def block(language):
    """The one example in this language in deploy/doc/bots.md."""
    text = (pathlib.Path(__file__).parents[2] / "deploy/doc/bots.md").read_text()
    [found] = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return found


def memory(daemon):
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


class SlixmppBot:
    """The one of the documentation."""

    def __init__(self, daemon, directory):
        script = directory / "echo.py"
        script.write_text(block("python"))
        self.process = program([sys.executable, script, "slixmpp@localhost", "secret", daemon.port,
                                daemon.directory / "state/tls/ca.crt"])

    def end(self):
        self.process.terminate()
        self.process.wait()


class ExecBot:
    def __init__(self, daemon, *options):
        self.log = daemon.directory / "bot.log"
        self.words = [daemon, "bot", "-a", "exec", *options, "--exec", "sh", "-c", COMMAND]
        self.start()

    def start(self):
        with open(self.log, "a") as log:
            self.process = tacetctl(*self.words, stderr=log)
        wait_until("the bot listens", lambda: "exec listens" in self.log.read_text())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.write_text("")

    def end(self):
        self.process.terminate()
        assert self.process.wait(10) == 0


async def make(alice, host):
    """Both bots, and a user who was invited by them."""
    alice.start()
    host.start()
    alice.account("alice")
    user = await Client(alice, "alice").login()
    ids = {}
    for name in ("slixmpp", "exec"):
        words = ("--password-file", "-") if name == "slixmpp" else ()
        made = host.ctl("account", "add", name, "--bot", *words, stdin="secret\n")
        ids[name] = made["id"]
        alice.ctl("introduce", made["link"], "--name", name, "--as", "Alice")
    for name, bot in ids.items():
        # There, though nobody has logged in.
        await user.until(f"sees {name}", lambda: user.sees(bot))
    return user, ids


async def talk(user, host, ids, bot):
    """All messages to both; in the middle the bot without XMPP is killed, and later runs again."""
    heavy = {}
    for start in range(0, MESSAGES, 100):
        numbers = range(start, min(start + 100, MESSAGES))
        for number in numbers:
            for name in ids:
                user.say_to(ids[name], f"{number} {name}")
        if start == 100:
            await asyncio.sleep(0.3)
            bot.kill()
            bot.start()
        for name in ids:
            await user.until(f"{name} has answered {numbers[-1]}",
                             lambda: any(body == f"You said: {numbers[-1]} {name}"
                                         for _, body in user.messages[-400:]))
        heavy.setdefault("first", memory(host))
        heavy["last"] = memory(host)
    return heavy


def check_answers(user, ids):
    for name, bot in ids.items():
        answers = [body for who, body in user.messages if who == f"{bot}@localhost"]
        once = list(dict.fromkeys(answers))
        assert once == [f"You said: {number} {name}" for number in range(MESSAGES)], (name, once[:20], len(once))
        # At least once: what was being answered when the bot was killed may be answered again.
        assert len(answers) - len(once) <= (4 if name == "exec" else 0), (name, len(answers), len(once))
        say(name, len(once), "answers in order,", len(answers) - len(once), "twice")


async def misbehave(user, ids, bot, host):
    """A command that fails, hangs or says too much is reported, and holds up nobody."""
    user.messages.clear()
    for text in ("fail", "much", "hang", "pid", "who"):
        user.say_to(ids["exec"], text)
    await user.until("the two that can be answered are", lambda: len(user.messages) >= 2)
    (_, pid), (_, who) = user.messages
    assert len(user.messages) == 2
    wait_until("what the command left running is killed", lambda: not pathlib.Path(f"/proc/{pid}").exists())
    assert re.fullmatch(r"[a-z2-7]{56} Alice exec \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+", who), who
    log = bot.log.read_text()
    for words in ("ended with status 3", "more than 2000 bytes", "killed after 2000 ms"):
        assert words in log, (words, log)
    assert not children_of(bot.process.pid), "children are left"
    say("fail, much and hang were reported; environment:", who)


def children_of(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


async def documented(user, host, ids):
    """The command of the documentation."""
    script = host.directory / "answer"
    script.write_text(block("sh"))
    script.chmod(0o700)
    user.messages.clear()
    bot = tacetctl(host, "bot", "-a", "exec", "--exec", str(script))
    for text in ("quiet", "time", "me", "what?"):
        user.say_to(ids["exec"], text)
    await user.until("the documented command has answered", lambda: len(user.messages) == 3)
    answers = [body for _, body in user.messages]
    assert re.fullmatch(r"\d\d:\d\d", answers[0]) and answers[1].startswith("You are Alice, "), answers
    bot.terminate()
    assert bot.wait(10) == 0


async def restarted(user, host, ids, bot):
    """The daemon ends and comes back: the bot goes on, and what was written meanwhile is answered."""
    user.messages.clear()
    listened = bot.log.read_text().count("exec listens")
    host.stop()
    for number in range(5):
        user.say_to(ids["exec"], f"away {number}")
    await asyncio.to_thread(host.start)
    await user.until("all are answered", lambda: len(user.messages) >= 5)
    assert [body for _, body in user.messages] == [f"You said: away {number}" for number in range(5)], user.messages
    log = bot.log.read_text()
    assert "trying again" in log and log.count("exec listens") == listened + 1, log
    say("the bot went on after a restart of its daemon")


async def receipts(user, ids):
    """A bot says that a message has come (XEP-0184) when its client asks, as clients do."""
    user.register_plugin("xep_0184")
    got = []
    user.add_event_handler("receipt_received", lambda m: user.note(got.append, m["receipt"]))
    message = user.make_message(mto=f"{ids['exec']}@localhost", mbody="receipt", mtype="chat")
    message["request_receipt"] = True
    message.send()
    await user.until("a receipt has come", lambda: message["id"] in got)


async def sends(user, host, ids):
    """`send`: its exit code tells; the text is what the client shows, with an id."""
    user.messages.clear()
    [alice] = [c["id"] for c in host.ctl("contacts", "-a", "exec")["contacts"]]
    assert host.ctl("send", "-a", "exec", alice, "one", "two", "<&>")["how"] == "acked"
    long = "ü" * 20000 + "\nend"
    host.ctl("send", "-a", "exec", alice, "-", stdin=long + "\n")
    await user.until("both have come", lambda: len(user.messages) == 2)
    assert [body for _, body in user.messages] == ["one two <&>", long]
    for words, stdin, code in [((alice, "-"), "x" * 70000, 1), ((alice, ""), "", 1), (("nobody", "x"), "", 1)]:
        done = subprocess.run([str(BUILD / "tacetctl"), "-c", str(host.config), "send", "-a", "exec", *words],
                              input=stdin, capture_output=True, text=True)
        assert done.returncode == code, (words[:1], done)
    await user.logout()


def listens(alice, host, ids):
    """`listen`: one who is killed before it has written a message loses none."""
    [contact] = [c["id"] for c in host.ctl("contacts", "-a", "exec")["contacts"]]
    out = alice.directory / "listen.log"
    read, write = os.pipe()
    log = alice.directory / "stuck.log"
    stuck = tacetctl(alice, "listen", "--json", stdout=write, stderr=open(log, "w"))
    wait_until("it listens", lambda: "listens" in log.read_text())
    assert refuses(alice), "one program at a time"
    # The pipe is full before a hundred are written: those that wait in the daemon stay there.
    for number in range(100):
        host.ctl("send", "-a", "exec", "--timeout", "0", contact, f"{number} " + "x" * 3000)
    wait_until("all have come", lambda: host.ctl("outbox", "-a", "exec")["total"] == 0)
    stuck.kill()
    stuck.wait()
    os.close(write)
    with os.fdopen(read) as pipe:
        written = pipe.read()
    lines = [json.loads(line) for line in written.splitlines() if line.endswith("}")]
    with open(out, "w") as log:
        going = tacetctl(alice, "listen", "--json", stdout=log)
    wait_until("the last has come", lambda: '"99 x' in out.read_text(), 20)
    host.ctl("send", "-a", "exec", contact, "line one\nline two")
    wait_until("and one more", lambda: "line two" in out.read_text(), 20)
    going.terminate()
    going.wait()
    bodies = [event["body"].split(" ")[0] for event in
              [*lines, *map(json.loads, out.read_text().splitlines())] if event["event"] == "message"]
    assert list(dict.fromkeys(bodies)) == [*map(str, range(100)), "line"], bodies
    assert len(bodies) <= 102, len(bodies)
    say("listen:", len(lines), "before it was killed, none lost,", len(bodies) - 101, "twice")


def refuses(alice):
    done = subprocess.run([str(BUILD / "tacetctl"), "-c", str(alice.config), "listen"], capture_output=True,
                          text=True, timeout=20)
    return done.returncode == 1 and "another program" in done.stderr


def rules(alice, host):
    """Nobody; and ids that are listed."""
    link = host.ctl("account", "add", "strict", "--bot", "--accept", "nobody")
    assert "link" not in link
    guest = alice.ctl("id")["id"]
    before = host.log.count("answered by its rule")
    alice.ctl("introduce", host.ctl("invite", "-a", "strict")["link"], "--name", "strict")
    wait_until("the request was refused", lambda: host.log.count("answered by its rule") > before)
    assert host.ctl("contacts", "-a", "strict")["contacts"] == []
    assert host.ctl("account", "bot", "strict", guest)["bot"] == guest
    other = host.ctl("id", "exec")["id"]
    link = host.ctl("account", "add", "listed", "--bot", "--accept", f"{other},{guest}")["link"]
    alice.account("mallory")
    before = host.log.count("answered by its rule")
    alice.ctl("introduce", "-a", "mallory", link, "--name", "listed")
    alice.ctl("introduce", "-a", "alice", link, "--name", "listed")
    wait_until("both requests were answered", lambda: host.log.count("answered by its rule") >= before + 2)
    assert [contact["id"] for contact in host.ctl("contacts", "-a", "listed")["contacts"]] == [guest]
    say("who is listed is let in, who is not is not")
    try:
        host.ctl("account", "bot", "strict", "everybody")
        raise AssertionError("a rule that is none was taken")
    except Refused:
        pass


async def two_bots():
    alice, host = Daemon("alice"), Daemon("bots")
    user, ids = await make(alice, host)
    slixmpp_bot = SlixmppBot(host, host.directory)
    bot = ExecBot(host, "--timeout", "2s", "--max-output", "2000")
    began = time.monotonic()
    heavy = await talk(user, host, ids, bot)
    say(f"{2 * MESSAGES} messages answered in {time.monotonic() - began:.1f} s; "
        f"memory of the daemon {heavy['first']} KiB, then {heavy['last']} KiB")
    check_answers(user, ids)
    assert heavy["last"] - heavy["first"] < GROWTH_KIB, heavy
    await misbehave(user, ids, bot, host)
    await receipts(user, ids)
    await restarted(user, host, ids, bot)
    bot.end()
    await documented(user, host, ids)
    await sends(user, host, ids)
    await asyncio.to_thread(listens, alice, host, ids)
    await asyncio.to_thread(rules, alice, host)
    slixmpp_bot.end()
    for daemon in (alice, host):
        daemon.stop()
        daemon.remove()


main(two_bots)
