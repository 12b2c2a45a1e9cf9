"""Connections through a tor on Unix sockets, for the bare references beside tacet (SOCKS 5, RFC 1928, RFC 1929)."""

import secrets
import socket

LIMIT_S = 120


def connect(path):
    """To a Unix socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(LIMIT_S)
    connection.connect(str(path))
    return connection


def dial(tor, host, port):
    """Through the tor of this directory, over circuits of its own; OSError: it cannot be reached. tor is told
    the name or address."""
    connection = connect(tor / "socks")
    user, name = secrets.token_hex(8).encode(), host.encode()
    try:
        connection.sendall(b"\5\1\2")
        assert connection.recv(2) == b"\5\2"
        connection.sendall(b"\1" + bytes([len(user)]) + user + b"\1x")
        assert connection.recv(2) == b"\1\0"
        connection.sendall(b"\5\1\0\3" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        answer = connection.recv(4, socket.MSG_WAITALL)
        if len(answer) < 4 or answer[1] != 0:
            raise OSError(f"{host} cannot be reached")
        connection.recv({1: 6, 4: 18}[answer[3]], socket.MSG_WAITALL)
    except BaseException:
        connection.close()
        raise
    return connection
