#!/usr/bin/python3
"""Streams of programs over real tor: a copy through tacet-pipe, and tacet-forward with a copy both ways, a git
clone, and ssh where there is an sshd. $TACET_FORWARD_MB: how much is copied (100 by hand)."""

import hashlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from lib import BUILD, NET, free_port, main, say

MB = int(os.environ.get("TACET_FORWARD_MB", "3"))
PATIENCE_S = 120 + 10 * MB


class Work:
    """A directory, and the programs that run in it."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tacet-forward-", dir="/tmp"))
        self.running = []
        (self.path / "conf").write_text("".join(
            [f"tor-program = {shutil.which('tor')}\n", f"tor-extra-file = {NET}/client.torrc\n", "status-renewal = 10s\n"]
            + [f"gateway = {gateway}\n" for gateway in (NET / "gateways").read_text().split()]))

    def words(self, program, who, *words):
        return [str(BUILD / program), "--config", str(self.path / "conf"), "--state", str(self.path / who), *words]

    def do(self, program, who, *words, **more):
        return subprocess.run(self.words(program, who, *words), check=True, text=True, timeout=PATIENCE_S,
                              stdout=subprocess.PIPE, **more).stdout.strip()

    def start(self, words, **more):
        process = subprocess.Popen(words, **more)
        self.running.append(process)
        return process

    def end(self):
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.path)


def become_contacts(work, a, b, name_a, name_b):
    """By their ids; who calls whom how."""
    id_a, id_b = (work.do("tacet-pipe", who, "--id") for who in (a, b))
    work.do("tacet-pipe", a, "--add", id_b, "--name", name_b)
    work.do("tacet-pipe", b, "--add", id_a, "--name", name_a)
    assert work.do("tacet-pipe", a, "--contacts") == f"{id_b} {name_b}"


def pipe_copy(work):
    data = os.urandom(MB << 20)
    (work.path / "in").write_bytes(data)
    began = time.monotonic()
    with open(work.path / "in", "rb") as source, open(work.path / "out", "wb") as target:
        listener = work.start(work.words("tacet-pipe", "bob", "-l", "alice"), stdin=subprocess.DEVNULL, stdout=target)
        work.do("tacet-pipe", "alice", "--wait", str(PATIENCE_S), "bob", stdin=source)
    assert listener.wait(30) == 0
    assert (work.path / "out").read_bytes() == data
    say(f"tacet-pipe: {MB} MB in {time.monotonic() - began:.1f} s, with meeting each other")


def serve_once(reply):
    """A server that takes what comes until its end, then sends reply; where, and the sum of what came."""
    listener = socket.create_server(("127.0.0.1", 0))
    got = []

    def serve():
        connection, _ = listener.accept()
        digest = hashlib.sha256()
        while chunk := connection.recv(65536):
            digest.update(chunk)
        got.append(digest.digest())
        connection.sendall(reply)
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1], got


def forward(work, targets):
    """Offer the targets (service: port) as bob, listen as alice; the ports that lead there."""
    work.start(work.words("tacet-forward", "bob", "-l", *[f"{name}={port}" for name, port in targets.items()],
                          "-s", "alice"))
    caller = work.start(work.words("tacet-forward", "alice", "--wait", str(PATIENCE_S), "bob",
                                   *[f"0={name}" for name in targets], "0=nothing"), stdout=subprocess.PIPE, text=True)
    ports = {}
    for line in caller.stdout:
        name, address = line.split()
        ports[name] = int(address.rpartition(":")[2])
        if len(ports) == len(targets) + 1:
            return ports
    raise AssertionError("tacet-forward has ended")


def copy(port, got, reply):
    data = os.urandom(MB << 20)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(PATIENCE_S)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        back = b""
        while chunk := connection.recv(65536):
            back += chunk
    assert got == [hashlib.sha256(data).digest()] and back == reply
    say(f"tacet-forward: {MB} MB there and back in {time.monotonic() - began:.1f} s")


def refused(port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(30)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
    say("a service that nobody offers: reset")


def git_environment(work):
    return os.environ | {"HOME": str(work.path), "GIT_CONFIG_NOSYSTEM": "1"}


def make_repository(work):
    def git(*words):
        subprocess.run(["git", "-C", str(work.path / "project"), "-c", "user.name=x", "-c", "user.email=x@y", *words],
                       check=True, stdout=subprocess.DEVNULL, env=git_environment(work))
    (work.path / "project").mkdir()
    git("init", "-q")
    (work.path / "project" / "file").write_bytes(os.urandom(200_000))
    git("add", ".")
    git("commit", "-qm", "first")


def git_clone(work, port):
    subprocess.run(["git", "clone", "-q", f"git://127.0.0.1:{port}/project", str(work.path / "clone")], check=True,
                   timeout=PATIENCE_S, env=git_environment(work))
    assert (work.path / "clone" / "file").read_bytes() == (work.path / "project" / "file").read_bytes()
    say("git clone: the same file")


def start_sshd(work, port):
    """An sshd of our own on loopback, which lets nobody in but our key; None: there is none."""
    sshd = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
    if sshd is None:
        return None
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(work.path / key)], check=True)
    if os.getuid() == 0:
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    (work.path / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {work.path}/host\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {work.path}/user.pub\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n")
    return work.start([sshd, "-D", "-f", str(work.path / "sshd.conf")])


def ssh(work, port):
    answer = subprocess.run(
        ["ssh", "-F", "none", "-p", str(port), "-i", str(work.path / "user"), "-o", "StrictHostKeyChecking=no", "-o",
         f"UserKnownHostsFile={work.path}/known", "-o", "LogLevel=ERROR",
         f"{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1", "wc -c"], input=b"x" * 100_000, stdout=subprocess.PIPE,
        check=True, timeout=PATIENCE_S).stdout
    assert answer.strip() == b"100000", answer
    say("ssh: a command, its input and its answer")


def run(work):
    become_contacts(work, "alice", "bob", "alice", "bob")
    pipe_copy(work)
    reply = os.urandom(MB << 20)
    copy_port, got = serve_once(reply)
    git_port, ssh_port = free_port(), free_port()
    make_repository(work)
    work.start(["git", "daemon", f"--base-path={work.path}", "--export-all", "--listen=127.0.0.1",
                f"--port={git_port}", "--reuseaddr", str(work.path / "project")])
    targets = {"copy": copy_port, "git": git_port}
    if start_sshd(work, ssh_port):
        targets["ssh"] = ssh_port
    ports = forward(work, targets)
    copy(ports["copy"], got, reply)
    refused(ports["nothing"])
    git_clone(work, ports["git"])
    if "ssh" in ports:
        ssh(work, ports["ssh"])
    else:
        say("no sshd here: ssh was not tried")


def streams_of_programs():
    work = Work()
    try:
        run(work)
    finally:
        work.end()


if __name__ == "__main__":
    main(streams_of_programs)
