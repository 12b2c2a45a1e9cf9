#!/usr/bin/python3
"""Bad input and missing parts: each a clear error or a quiet recovery, and the rest goes on."""

import asyncio
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import tempfile
import time

from lib import BUILD, Client, Daemon, Pair, Tor, free_port, main, say, wait_until

IDLE_CONNECTIONS = 10000
# Fewer than the strangers that the server bears at once, so that it is their slowness that ends them.
SLOW_STREAMS = 100
# More than the HTTP port bears (core/base/http_server.h).
SLOW_REQUESTS = 100
# Time to log in (C2S_NEGOTIATION_MS), and some.
SLOW_S = 45
# A daemon may grow by this much under attack, in KiB, and must not grow further with more of the same.
GROWTH_LIMIT_KIB = 32 * 1024


def memory_kib(daemon):
    for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def tacetd(*words):
    return subprocess.run([str(BUILD / "tacetd"), *words], capture_output=True, text=True, timeout=20)


def broken_configuration():
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write("# fine\nport = 70000\n")
        file.flush()
        done = tacetd("-n", "-c", file.name)
        assert done.returncode != 0
        assert f"{file.name}:2: port:" in done.stderr, done.stderr
    assert tacetd("-c", "/nonexistent").returncode != 0
    say("line and key are named:", done.stderr.strip())


def truncated_database():
    daemon = Daemon("truncated", gateway=["http://127.0.0.1:1"]).start()
    daemon.account("alice")
    daemon.stop()
    database = daemon.directory / "state" / "tacet.db"
    whole = database.read_bytes()
    for name, content in (("truncated", whole[:len(whole) // 2]), ("garbage", os.urandom(8192))):
        database.write_bytes(content)
        done = tacetd("-c", str(daemon.config))
        assert done.returncode == 1 and "tacet.db" in done.stderr, (done.returncode, done.stderr)
        assert database.read_bytes() == content, "the broken database was changed"
        say(f"{name}:", done.stderr.strip().splitlines()[-1])
    database.write_bytes(whole)
    daemon.start()
    assert [a["name"] for a in daemon.ctl("account", "list")["accounts"]] == ["alice"]
    daemon.stop()
    daemon.remove()


def two_daemons_on_one_state():
    daemon = Daemon("locked").start()
    done = tacetd("-c", str(daemon.config))
    assert done.returncode == 1 and done.stderr.strip(), done
    say("second daemon:", done.stderr.strip().splitlines()[-1])
    daemon.stop()
    daemon.remove()


def tor_missing_or_foreign():
    daemon = Daemon("notor", tor_program="/nonexistent/tor").start()
    problem = wait_until_problem(daemon)
    assert "/nonexistent/tor" in problem, problem
    say("tor missing:", problem)
    daemon.account("works-without-tor")
    daemon.stop()
    daemon.remove()


def wait_until_problem(daemon):
    wait_until("tor's problem is told", lambda: daemon.ctl("status")["tor"].get("problem"))
    return daemon.ctl("status")["tor"]["problem"]


def wrong_cookie():
    """A tor that runs already, whose cookie is not the one in the file it names."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="tacet-tor-", dir="/tmp"))
    tor = Tor(home, "DisableNetwork 1")
    try:
        (home / "cookie").write_bytes(os.urandom(32))
        daemon = Daemon("cookie", **tor.settings)
        del daemon.settings["tor-extra-file"]
        daemon.start()
        say("wrong cookie:", wait_until_problem(daemon))
        daemon.stop()
        daemon.remove()
    finally:
        tor.end()
        shutil.rmtree(home)


def read_all(connection, limit=5):
    connection.settimeout(limit)
    out = b""
    try:
        while chunk := connection.recv(65536):
            out += chunk
    except (TimeoutError, ConnectionResetError, BrokenPipeError):
        pass
    return out


def send_and_read(daemon, *pieces):
    with socket.create_connection(("127.0.0.1", daemon.port), 5) as s:
        try:
            for piece in pieces:
                s.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_all(s)


OPEN = b"<stream:stream to='localhost' xmlns='jabber:client' " \
       b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"


async def hostile_clients():
    """An XML bomb, a 1 MB stanza, garbage, and 10,000 idle connections, while somebody talks."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    daemon = Daemon("hostile").start()
    daemon.account("alice")
    alice = await Client(daemon, "alice").login()
    me = await Client(daemon, "alice", resource="other").login()
    before = memory_kib(daemon)
    bomb = b"<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'lol'>" + b"".join(
        b"<!ENTITY %c '&%c;&%c;'>" % (98 + i, 97 + i, 97 + i) for i in range(20)) + b"]>" + OPEN
    cases = {
        "XML bomb": ([bomb], b"restricted-xml"),
        "1 MB stanza": ([OPEN, b"<message><body>" + b"x" * 1000000], b"policy-violation"),
        "endless start tag": ([OPEN, b"<message " + b"a" * 2000000], b"policy-violation"),
        "deep nesting": ([OPEN, b"<a>" * 10000], b"policy-violation"),
        "garbage": ([os.urandom(5000)], b"stream:error"),
        "HTTP": ([b"GET / HTTP/1.0\r\n\r\n"], b"stream:error"),
        "stanza before login": ([OPEN, b"<message to='x@localhost'/>"], b"not-authorized"),
    }
    loop = asyncio.get_running_loop()
    for name, (pieces, expected) in cases.items():
        answer = await loop.run_in_executor(None, send_and_read, daemon, *pieces)
        assert expected in answer, f"{name}: {answer[-300:]}"
        say(f"{name}: {expected.decode()}")
    idle = []
    refused = 0
    for _ in range(IDLE_CONNECTIONS):
        s = socket.socket()
        s.setblocking(False)
        try:
            s.connect(("127.0.0.1", daemon.port))
        except BlockingIOError:
            pass
        except OSError:
            refused += 1
        idle.append(s)
        if len(idle) % 100 == 0:
            await asyncio.sleep(0.01)
    me.send_message(mto="alice@localhost/test", mbody="still here", mtype="chat")
    await alice.until("talks on", lambda: alice.messages)
    late = await Client(daemon, "alice", resource="late").login()
    grown = memory_kib(daemon) - before
    say(f"{IDLE_CONNECTIONS} idle connections ({refused} refused): {grown} KiB more, clients go on and log in")
    assert grown < GROWTH_LIMIT_KIB, grown
    for s in idle:
        s.close()
    for client in (alice, me, late):
        await client.logout()
    daemon.stop()
    daemon.remove()


async def drip(port, text):
    """Says text a byte at a time, and again, until it is cut off; how long that took, in seconds."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ended = asyncio.ensure_future(reader.read())
    at = 0
    while not ended.done() and time.monotonic() < began + SLOW_S:
        writer.write(text[at % len(text):][:1])
        at += 1
        await asyncio.wait([ended], timeout=0.5)
    done = ended.done()
    ended.cancel()
    writer.close()
    return time.monotonic() - began if done else None


async def slow_clients():
    """Streams and requests that come a byte at a time, for ever; others log in and read meanwhile."""
    daemon = Daemon("slow", http_port=free_port()).start()
    daemon.account("alice")
    before = memory_kib(daemon)
    streams = [asyncio.ensure_future(drip(daemon.port, OPEN + b"<auth>" + b"a" * 100)) for _ in range(SLOW_STREAMS)]
    requests = [asyncio.ensure_future(drip(daemon.settings["http-port"], b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b"))
                for _ in range(SLOW_REQUESTS)]
    await asyncio.sleep(2)
    for _ in range(3):
        client = await Client(daemon, "alice").login()
        await client.logout()
        reader, writer = await asyncio.open_connection("127.0.0.1", daemon.settings["http-port"])
        writer.write(b"GET /.well-known/host-meta HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()
    grown = memory_kib(daemon) - before
    ends = await asyncio.gather(*streams)
    assert all(ends), f"{ends.count(None)} streams are still open after {SLOW_S} s"
    cut_off = sum(end is not None for end in await asyncio.gather(*requests))
    say(f"{SLOW_STREAMS} slow streams are cut off after {max(ends):.0f} s at the most, {cut_off} of {SLOW_REQUESTS} "
        f"slow requests when others came; {grown} KiB more; clients log in and read meanwhile")
    assert cut_off > 0 and grown < GROWTH_LIMIT_KIB, (cut_off, grown)
    daemon.stop()
    daemon.remove()


async def all_gateways_down_and_back():
    """Nobody finds anybody while the gateways are down; they do when one is back."""
    port = free_port()
    pair = Pair(gateway=[f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"]).start()
    try:
        alice = await Client(pair.alice, "alice").login()
        bob = await Client(pair.bob, "bob").login()
        wait_until("tor is ready", lambda: pair.alice.ctl("status")["tor"]["state"] == "ready")
        await asyncio.sleep(5)
        assert not alice.sees(pair.bob_id)
        assert pair.alice.contact_state(pair.bob_id) != "linked"
        from lib import NET
        gateway = (NET / "gateways").read_text().split()[0]
        host, real = gateway.removeprefix("http://").split(":")
        server = await asyncio.start_server(lambda r, w: splice(r, w, host, int(real)), "127.0.0.1", port)
        took = await alice.until("sees bob", lambda: alice.sees(pair.bob_id), limit=150)
        say(f"gateways down, one back: seen {took:.1f} s later")
        server.close()
        await alice.logout()
        await bob.logout()
    finally:
        pair.stop()


async def splice(reader, writer, host, port):
    """Carry a connection to the real gateway."""
    far_reader, far_writer = await asyncio.open_connection(host, port)

    async def copy(source, sink):
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer), return_exceptions=True)


async def tor_dies_and_comes_back():
    pair = Pair().start()
    try:
        alice = await Client(pair.alice, "alice").login()
        bob = await Client(pair.bob, "bob").login()
        await alice.until("sees bob", lambda: alice.sees(pair.bob_id))
        out = subprocess.run(["pgrep", "-P", str(pair.alice.process.pid)], capture_output=True, text=True,
                             check=True).stdout.split()
        os.kill(int(out[0]), 9)
        began = time.monotonic()
        await alice.until("link is gone", lambda: alice.sees(pair.bob_id, ""))
        await alice.until("sees bob again", lambda: alice.sees(pair.bob_id))
        say(f"alice's tor was killed: linked again after {time.monotonic() - began:.1f} s")
        await alice.logout()
        await bob.logout()
    finally:
        pair.stop()


if __name__ == "__main__":
    main(broken_configuration, truncated_database, two_daemons_on_one_state, tor_missing_or_foreign,
         wrong_cookie, hostile_clients, slow_clients, all_gateways_down_and_back, tor_dies_and_comes_back)
