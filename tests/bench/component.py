#!/usr/bin/python3
"""The component's stream: an echo on component/component_stream.h against one on slixmpp, behind the same server.

usage: component.py [--messages 20000] [--pings 1000] [--rounds 3] [--server prosody|ejabberd] [--json]

A client of the server sends messages to the component, which sends them back. Rounds alternate, the best
counts.
  pipelined   all at once: messages a second of wall clock, where the server is in the way of both, and of the
              component's own CPU time, which shows what it would bear
  ping-pong   one at a time: round trips, in microseconds
  memory      of the component's process after that (Pss, KiB)
Needs Prosody or ejabberd (Debian packages), python3-slixmpp and $TACET_BUILD with its check programs.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import servers  # noqa: E402
from figures import figure  # noqa: E402
from lib import BUILD  # noqa: E402
from local_hop import Session, best, cpu_s, pss_kib, unit  # noqa: E402

TO = f"x@{servers.COMPONENT}"


def slixmpp_echo(port, secret_file):
    """In a process of its own."""
    import asyncio

    import slixmpp

    component = slixmpp.ComponentXMPP(servers.COMPONENT, pathlib.Path(secret_file).read_text().strip(),
                                      "127.0.0.1", port)

    def echo(message):
        message["from"], message["to"] = message["to"], message["from"]
        message.send()

    component.add_event_handler("message", echo)
    component.add_event_handler("session_start", lambda _: print("up", flush=True))
    component.connect()
    asyncio.get_event_loop().run_forever()


class Component:
    def __init__(self, server, command):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(server.secret + "\n")
        self.secret = file.name
        self.process = subprocess.Popen([*command, str(server.component_port), *self.words()], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout.readline() == "up\n"
        self.pid = self.process.pid

    def end(self):
        self.process.kill()
        self.process.wait()
        os.unlink(self.secret)


class Ours(Component):
    def __init__(self, server):
        super().__init__(server, [str(BUILD / "tests/e2e/component_echo")])

    def words(self):
        return [servers.COMPONENT, self.secret]


class Slixmpp(Component):
    def __init__(self, server):
        super().__init__(server, [sys.executable, __file__, "--slixmpp"])

    def words(self):
        return [self.secret]


def message(number):
    return f"<message to='{TO}' type='chat' id='m{number}'><body>message {number}</body></message>".encode()


def pipelined(server, component, count):
    client = Session(server.client_port, "bench")
    block = b"".join(message(i) for i in range(count))
    cpu, began = cpu_s(component.pid), time.monotonic()
    if os.fork() == 0:
        client.socket.sendall(block)
        os._exit(0)
    client.receive(count)
    took, cpu = time.monotonic() - began, cpu_s(component.pid) - cpu
    os.wait()
    client.close()
    return {"echoes a second": count / took, "echoes a CPU second": count / max(cpu, 0.01)}


def ping_pong(server, count):
    client = Session(server.client_port, "bench")
    times = []
    for i in range(count):
        began = time.monotonic()
        client.socket.sendall(message(i))
        client.receive(1)
        times.append((time.monotonic() - began) * 1e6)
    client.close()
    return {"round trip, median": statistics.median(times)}


def measure(server, kind, args):
    component = kind(server)
    try:
        return (ping_pong(server, args.pings) | pipelined(server, component, args.messages) |
                {"KiB of memory": pss_kib(component.pid)})
    finally:
        component.end()
        # Until the server has noticed, a new one of the same domain is refused.
        time.sleep(1)


def compare(kind, args):
    server = kind(users={"alice": "secret", "bob": "secret"}).start()
    results = {Ours: [], Slixmpp: []}
    for _ in range(args.rounds):
        for component, rounds in results.items():
            rounds.append(measure(server, component, args))
    server.remove()
    ours, theirs = best(results[Ours]), best(results[Slixmpp])
    return {"tacet": ours, "slixmpp": theirs, "ratio": {k: ours[k] / theirs[k] for k in ours}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("messages", 20000), ("pings", 1000), ("rounds", 3)):
        parser.add_argument("--" + name, type=int, default=value)
    parser.add_argument("--server", choices=[kind.name for kind in servers.SERVERS])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = {kind.name: compare(kind, args) for kind in servers.installed() if args.server in (None, kind.name)}
    if args.json:
        for server, result in results.items():
            for name, value in result["tacet"].items():
                figure("component", f"{name}, {server}", value, unit(name), result["slixmpp"][name])
        return
    for name, result in results.items():
        print(f"{'behind ' + name:28}{'tacet':>12}{'slixmpp':>12}{'ratio':>8}")
        for key, ratio in result["ratio"].items():
            print(f"{key:28}{result['tacet'][key]:12.1f}{result['slixmpp'][key]:12.1f}{ratio:8.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--slixmpp"]:
        slixmpp_echo(int(sys.argv[2]), sys.argv[3])
    else:
        main()
