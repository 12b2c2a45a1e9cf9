"""fake_daemon.py: a control socket whose answers a test gives, and the commands, for tests of tacetctl."""

import json
import re
import socket
import subprocess

PATIENCE_S = 60


class FakeDaemon:
    """One connection at a time; what is asked is answered by the test."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(PATIENCE_S)
        self.path = path

    def accept(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(PATIENCE_S)
        self.lines = self.connection.makefile()
        return self

    def request(self):
        """None: the connection has ended."""
        line = self.lines.readline()
        return json.loads(line) if line else None

    def asked(self, command):
        request = self.request()
        assert request["cmd"] == command, request
        return request.get("args")

    def say(self, **answer):
        self.connection.sendall(json.dumps(answer).encode() + b"\n")

    def close(self):
        self.lines.close()
        self.connection.close()

    def end(self):
        self.close()
        self.listener.close()
        self.path.unlink()


def usage(tacetctl):
    """Each command's words, and the rest of its line; but for the one that is for shells."""
    lines = subprocess.run([str(tacetctl), "-h"], capture_output=True, text=True, check=True).stdout.splitlines()
    commands = re.findall(r"^(?:usage:|      ) tacetctl ([a-z]+(?: [a-z]+(?:-[a-z]+)?)?)(?: (\S.*))?$", "\n".join(
        line for line in lines if "COMMAND …" not in line), re.MULTILINE)
    assert len(commands) > 40, commands
    return [(words, rest) for words, rest in commands if words != "complete"]
