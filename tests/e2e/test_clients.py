#!/usr/bin/python3
"""Two people with client programs that others wrote: go-sendxmpp (Go, TLS) and Profanity (C, in a
terminal), and a message each way between them."""

import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

from lib import Pair, main, say, wait_until


class Profanity:
    """Profanity in a terminal of tmux, with a home of its own."""

    def __init__(self, home):
        self.socket = str(home / "tmux")
        environment = dict(os.environ, HOME=str(home), LC_ALL="C.UTF-8", TERM="xterm-256color",
                           XDG_CONFIG_HOME=str(home / "config"), XDG_DATA_HOME=str(home / "data"))
        environment.pop("TMUX", None)
        subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", "new-session", "-d", "-x", "200",
                        "-y", "50", "profanity"], env=environment, check=True)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True,
                              check=True).stdout

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def waits_for(self, *texts):
        try:
            return wait_until(f"profanity shows {texts}", lambda: any(t in self.screen() for t in texts))
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.screen()}") from None

    def stop(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False)


def go_sendxmpp(daemon, user, *words, stdin=None):
    """go-sendxmpp refuses to go on without a certificate it can check: give it our local CA."""
    ca = daemon.directory / "state" / "tls" / "ca.crt"
    environment = dict(os.environ, SSL_CERT_FILE=str(ca), HOME=str(daemon.directory))
    return subprocess.Popen(
        ["go-sendxmpp", "-u", f"{user}@localhost", "-p", "secret", "-j", f"127.0.0.1:{daemon.port}", *words],
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=environment)


def profanity_and_go_sendxmpp():
    pair = Pair().start()
    home = pathlib.Path(tempfile.mkdtemp(prefix="tacet-home-", dir="/tmp"))
    profanity = Profanity(home)
    try:
        profanity.waits_for("Profanity")
        profanity.type(f"/connect bob@localhost server 127.0.0.1 port {pair.bob.port} tls disable")
        profanity.waits_for("password")
        profanity.type("secret")
        profanity.waits_for("logged in successfully")
        wait_until("linked", lambda: pair.bob.contact_state(pair.alice_id) == "linked")
        profanity.type(f"/msg {pair.alice_id}@localhost")
        sender = go_sendxmpp(pair.alice, "alice", f"{pair.bob_id}@localhost", stdin="x")
        out, _ = sender.communicate("grüße from go-sendxmpp\n", timeout=60)
        assert sender.returncode == 0, out
        profanity.waits_for("grüße from go-sendxmpp")
        say("go-sendxmpp -> profanity")
        listener = go_sendxmpp(pair.alice, "alice", "-l", f"{pair.bob_id}@localhost")
        try:
            profanity.waits_for("Alice is online", "Alice is away", "Alice")
            time.sleep(1)
            profanity.type("und zurück 🌒")
            heard = b""
            while "und zurück 🌒".encode() not in heard:
                assert select.select([listener.stdout], [], [], 60)[0], f"go-sendxmpp heard only {heard}"
                heard += os.read(listener.stdout.fileno(), 4096)
        finally:
            listener.kill()
            listener.wait()
        say("profanity -> go-sendxmpp")
    finally:
        profanity.stop()
        pair.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(profanity_and_go_sendxmpp)
