#!/usr/bin/python3
"""The local hop: messages from one client of a user through the server to another, tacetd against Prosody.

usage: local_hop.py [--messages 20000] [--pings 2000] [--archived 2000] [--sessions 100] [--rounds 3] [--json]

Both servers run on loopback in this run, without TLS, as they come out of the box but for that; rounds
alternate, the best counts, and every figure of tacetd's has its ratio to Prosody's beside it.
  pipelined   a client writes all messages at once, the other counts them: messages a second of wall
              clock, and of the server's own CPU time (which a busy machine does not change)
  ping-pong   one message at a time there and back: round trips, in microseconds
  archived    the same two, with an archive that keeps the messages (XEP-0313); in those before, a hint of each
              message says that none shall (XEP-0334), as both servers have an archive by default or here
  sessions    what the server's memory grows by for each idle session (Pss, KiB), and the whole of it
Needs prosody (Debian package) and $TACET_BUILD.
"""

import argparse
import base64
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from figures import figure  # noqa: E402
from lib import Daemon, free_port, wait_until  # noqa: E402

# Two, since tacetd takes 64 sessions of one user.
USERS, PASSWORD = ("alice", "bob"), "secret"
STREAM = ("<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
LIMIT_S = 120
# Of the ratio to Prosody's, by the beginning of the name.
TARGETS = {"messages a second": "ratio >= 3", "KiB": "ratio <= 0.2"}


class Session:
    """A client that says as little as it can: PLAIN, a resource, presence."""

    def __init__(self, port, resource, priority=0, user=USERS[0]):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(LIMIT_S)
        self.jid = f"{user}@localhost/{resource}"
        self.ask(STREAM, "</stream:features>")
        plain = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
        self.ask(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>", "<success")
        self.ask(STREAM, "</stream:features>")
        self.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                 f"<resource>{resource}</resource></bind></iq>", "</iq>")
        self.ask(f"<presence><priority>{priority}</priority></presence><iq type='get' id='p' to='localhost'>"
                 "<ping xmlns='urn:xmpp:ping'/></iq>", "id='p'", 'id="p"')

    def ask(self, text, *answers):
        self.socket.sendall(text.encode())
        have = b""
        while not any(answer.encode() in have for answer in answers):
            more = self.socket.recv(65536)
            if not more:
                raise SystemExit(f"the server ended the stream: {have.decode()}")
            have += more

    def message(self, to, number, archived):
        hint = "" if archived else "<no-store xmlns='urn:xmpp:hints'/>"
        return (f"<message to='{to.jid}' type='chat' id='m{number}'><body>message {number}</body>{hint}"
                "</message>").encode()

    def receive(self, count):
        """Read until so many messages have ended."""
        end, rest = b"</message>", b""
        while count > 0:
            data = rest + self.socket.recv(1 << 20)
            if data == rest:
                raise SystemExit(f"the server ended the stream, {count} messages are missing")
            count -= data.count(end)
            rest = data[-len(end) + 1:] if not data.endswith(end) else b""

    def close(self):
        self.socket.close()


class Tacetd:
    name = "tacetd"

    def __init__(self):
        self.daemon = Daemon("hop", tor_program="/nonexistent", gateway="http://127.0.0.1:1", log_level="warn")
        del self.daemon.settings["tor-extra-file"]
        self.daemon.start()
        for user in USERS:
            self.daemon.account(user, PASSWORD)
        self.port, self.pid = self.daemon.port, self.daemon.pid

    def end(self):
        self.daemon.stop()
        self.daemon.remove()


class Prosody:
    name = "Prosody"

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="tacet-prosody-", dir="/tmp"))
        self.port = free_port()
        accounts = self.home / "localhost" / "accounts"
        accounts.mkdir(parents=True)
        for user in USERS:
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}" }};\n')
        (self.home / "conf.lua").write_text(
            f'run_as_root = true\ndata_path = "{self.home}"\nc2s_ports = {{ {self.port} }}\n'
            'interfaces = { "127.0.0.1" }\nmodules_enabled = { "roster", "saslauth", "disco", "carbons", "ping",'
            ' "smacks", "mam", "blocklist", "private", "vcard4", "pep", "time", "version", "presence", "message", "iq" }\n'
            'modules_disabled = { "s2s", "limits", "tls" }\nallow_unencrypted_plain_auth = true\n'
            'c2s_require_encryption = false\nauthentication = "internal_plain"\n'
            f'log = {{ warn = "{self.home}/log" }}\nVirtualHost "localhost"\n')
        self.process = subprocess.Popen(["prosody", "--config", str(self.home / "conf.lua"), "-F"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        wait_until("Prosody listens", self.listens, 20)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.home)


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise SystemExit("no Pss")


def pipelined(server, count, archived=False):
    sender, receiver = Session(server.port, "sender", -1), Session(server.port, "receiver")
    block = b"".join(sender.message(receiver, i, archived) for i in range(count))
    cpu, began = cpu_s(server.pid), time.monotonic()
    if os.fork() == 0:
        sender.socket.sendall(block)
        os._exit(0)
    receiver.receive(count)
    took, cpu = time.monotonic() - began, cpu_s(server.pid) - cpu
    os.wait()
    sender.close()
    receiver.close()
    return {"messages a second": count / took, "messages a CPU second": count / max(cpu, 0.01)}


def ping_pong(server, count, archived=False):
    a, b = Session(server.port, "a", -1), Session(server.port, "b", -1)
    times = []
    for i in range(count):
        began = time.monotonic()
        a.socket.sendall(a.message(b, i, archived))
        b.receive(1)
        b.socket.sendall(b.message(a, i, archived))
        a.receive(1)
        times.append((time.monotonic() - began) * 1e6)
    a.close()
    b.close()
    return {"round trip, median": statistics.median(times)}


def memory(server, sessions):
    before = pss_kib(server.pid)
    open_sessions = [Session(server.port, f"idle{i}", -1, USERS[i % 2]) for i in range(sessions)]
    after = pss_kib(server.pid)
    for session in open_sessions:
        session.close()
    return {"KiB a session": (after - before) / sessions, f"KiB with {sessions} sessions": after}


def measure(server, args):
    figures = memory(server, args.sessions)  # of a server that has done nothing else yet
    figures |= pipelined(server, args.messages) | ping_pong(server, args.pings)
    archived = pipelined(server, args.archived, True) | ping_pong(server, args.archived // 10, True)
    return figures | {f"{name}, archived": value for name, value in archived.items()}


def unit(name):
    """What is named in our figures."""
    return "KiB" if "KiB" in name else "us" if "trip" in name else "/s"


def best(rounds):
    return {key: (max if unit(key) == "/s" else min)(r[key] for r in rounds) for key in rounds[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("messages", 20000), ("pings", 2000), ("archived", 2000), ("sessions", 100), ("rounds", 3)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = {Tacetd: [], Prosody: []}
    for _ in range(args.rounds):
        for kind, rounds in results.items():
            server = kind()
            try:
                rounds.append(measure(server, args))
            finally:
                server.end()
    ours, theirs = best(results[Tacetd]), best(results[Prosody])
    if args.json:
        for name, value in ours.items():
            target = next((t for begin, t in TARGETS.items() if name.startswith(begin)), None)
            figure("local_hop", name, value, unit(name), theirs[name], target)
        return
    print(f"{'':32}{'':4}{'tacetd':>12}{'Prosody':>12}{'ratio':>8}")
    for key in ours:
        print(f"{key:32}{unit(key):4}{ours[key]:12.1f}{theirs[key]:12.1f}{ours[key] / theirs[key]:8.2f}")


if __name__ == "__main__":
    main()
