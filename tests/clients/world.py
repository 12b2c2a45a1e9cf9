"""world.py: what the clients meet: a machine of its own to the eye, a private network, two daemons.

`enclose` runs this program again in namespaces of its own: no other server has port 5222 there, the
certificates of "the system" are a copy, and nothing outlives it. World holds the two daemons: the
clients' own on 5222, and that of Ann, who is played with slixmpp and is everybody's contact.
"""

import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "e2e"))
import lib  # noqa: E402

PASSWORD = "open sesame"
# Longer than a step takes on a loaded machine; Finch waits up to 45 s before it connects again.
PATIENCE_S = 90
# As many as the daemon lets register in a minute (xmpp/feature_register.c).
REGISTRATIONS = 3
# Some clients refuse to run for root. The files of the one who runs the tests look like nobody's then.
AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
INSIDE = "TACET_CLIENTS_INSIDE"


def enclose():
    """Return in namespaces of its own: network, mounts, processes. Exit 77 where there are none."""
    if os.environ.get(INSIDE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        return
    words = ["unshare", "--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        words.append("--map-root-user")
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        print("no namespaces here (unshare refuses)")
        sys.exit(77)
    ends = subprocess.run([*words, sys.executable, *sys.argv], env=dict(os.environ, **{INSIDE: "1"}),
                          stdin=subprocess.DEVNULL, check=False)
    sys.exit(ends.returncode)


def trust(config, folder):
    """Make the daemon's authority one that the system trusts, in copies of the system's folders."""
    for name in ("/etc/ssl/certs", "/usr/local/share/ca-certificates"):
        copy = folder / name.replace("/", "_")
        shutil.copytree(name, copy, symlinks=True)
        subprocess.run(["mount", "--bind", str(copy), name], check=True)
    subprocess.run([str(lib.BUILD / "tacetctl"), "-c", str(config), "trust", "--yes"], check=True,
                   capture_output=True)


class Elsewhere:
    """The other daemon's machine to the eye: localhost:5222 is that daemon, and what it trusts is its own."""

    def __init__(self, daemon, folder):
        self.folder = folder / "elsewhere"
        self.folder.mkdir()
        door = str(self.folder / "door")
        self.processes = [subprocess.Popen(["unshare", "--net", "--mount", "sleep", "infinity"])]
        self.prefix = ["nsenter", f"--target={self.processes[0].pid}", "--net", "--mount", f"--wd={os.getcwd()}"]
        lib.wait_until("namespaces", self.ready, PATIENCE_S)
        subprocess.run([*self.prefix, "ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([*self.prefix, sys.executable, __file__, str(daemon.config), str(self.folder)], check=True)
        self.processes += [
            subprocess.Popen(["socat", f"UNIX-LISTEN:{door},fork", f"TCP:127.0.0.1:{daemon.port}"]),
            subprocess.Popen([*self.prefix, "socat", "TCP-LISTEN:5222,bind=127.0.0.1,reuseaddr,fork",
                              f"UNIX-CONNECT:{door}"])]

    def ready(self):
        own = os.readlink("/proc/self/ns/net")
        return os.readlink(f"/proc/{self.processes[0].pid}/ns/net") != own

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


class Ann(lib.Client):
    """The other person."""

    def __init__(self, daemon):
        super().__init__(daemon, "ann", PASSWORD)
        self.receipts = set()   # ids of messages that have arrived
        self.register_plugin("xep_0184")
        self.add_event_handler("receipt_received", lambda m: self.note(self.receipts.add, m["receipt"]))


class World:
    def __init__(self, folder, pictures):
        self.folder = folder
        self.pictures = pictures
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        lib.say("starting a private network (about 15 s)")
        net = folder / "net"
        subprocess.run([str(TOP / "deploy/testnet/testnet"), "start", str(net)], check=True)
        lib.NET = net
        self.here = lib.Daemon("here", port=5222, listen=["127.0.0.1", "::1"])
        self.here.port = 5222
        self.there = lib.Daemon("there")
        for daemon in (self.here, self.there):
            daemon.start()
        self.ann_id = self.there.account("ann", PASSWORD)
        self.ann_jid = f"{self.ann_id}@localhost"
        self.ann = self.call(self.make_ann())
        trust(self.here.config, folder)
        self.elsewhere = None

    def open_elsewhere(self):
        """For clients that can only go to port 5222 of localhost."""
        self.elsewhere = Elsewhere(self.there, self.folder)

    async def make_ann(self):
        return await Ann(self.there).login()

    def call(self, what):
        """Run a coroutine in Ann's thread; its result."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(PATIENCE_S)

    def soon(self, function, *words, **named):
        async def it():
            return function(*words, **named)
        return self.call(it())

    @staticmethod
    def until(what, condition, limit=PATIENCE_S):
        return lib.wait_until(what, condition, limit)

    def restart(self):
        self.here.stop()
        self.here.start()

    def ann_is(self, show, status):
        self.soon(self.ann.send_presence, pshow=None if show == "available" else show, pstatus=status)

    def ann_says(self, contact, text):
        """The id of the message; a receipt is asked for."""
        def it():
            message = self.ann.make_message(mto=f"{contact}@localhost", mbody=text, mtype="chat")
            message["request_receipt"] = True
            message.send()
            return message["id"]
        return self.soon(it)

    def ann_heard(self, contact, text):
        return (f"{contact}@localhost", text) in list(self.ann.messages)

    async def end(self):
        await self.ann.logout()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    def stop(self, keep):
        self.call(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        if self.elsewhere:
            self.elsewhere.stop()
        for daemon in (self.here, self.there):
            daemon.stop()
            if keep:
                print(f"{daemon.name}: {daemon.directory}")
            else:
                daemon.remove()


class Terminal:
    """A program in a terminal of tmux."""

    def __init__(self, home, words, environment):
        self.socket = str(home / "tmux")
        environment = {k: v for k, v in environment.items() if k != "TMUX"}
        subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", "new-session", "-d", "-x", "200",
                        "-y", "50", *words], env=environment, check=True)
        self.tmux("set-option", "-g", "escape-time", "0")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True,
                              check=True).stdout

    def key(self, *names):
        for name in names:
            self.tmux("send-keys", name)
            time.sleep(0.1)

    def type(self, text):
        # What comes at once is taken for pasted text, which is no command, by some.
        if text.startswith("/"):
            self.key("/")
            text = text[1:]
        self.write(text)
        time.sleep(0.2)
        self.key("Enter")

    def write(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def shows(self, *texts):
        """Wait until one of the texts is there."""
        lib.wait_until(f"the screen shows one of {texts}", lambda: any(t in self.screen() for t in texts),
                       PATIENCE_S)

    def runs(self):
        return subprocess.run(["tmux", "-S", self.socket, "has-session"], capture_output=True,
                              check=False).returncode == 0

    def last(self):
        """What is on the screen, without empty lines."""
        try:
            return "\n".join(line.rstrip() for line in self.screen().splitlines() if line.strip())
        except subprocess.CalledProcessError:
            return "(the program has ended)"

    def stop(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False, capture_output=True)


def new_home(name):
    return pathlib.Path(tempfile.mkdtemp(prefix=f"tacet-{name}-", dir="/tmp"))


def installed(package):
    """The version of a Debian package, or None."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package],
                          capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return words[1] if done.returncode == 0 and words[0] == "installed" else None


if __name__ == "__main__":
    trust(sys.argv[1], pathlib.Path(sys.argv[2]))
